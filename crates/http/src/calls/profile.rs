use std::sync::Arc;

use actix_web::{HttpResponse, http::header, web::Data};
use lemon_domain::{ports::Profile, values::Identity};
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use crate::{api::Api, extract::Caller, facts, problem::Problem};

/// A person's profile at Twitter, as it was a short time ago.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "screen_name": "lemon_tree",
    "screen_nickname": "Lemon Tree",
    "user_bio": "Sour since 1998.",
    "profile_image_url": "https://pbs.twimg.com/profile_images/1/lemon_400x400.jpg",
    "banner_image_url": "https://pbs.twimg.com/profile_banners/12/1/1500x500",
    "following_count": 12,
    "follower_count": 3456,
}))]
pub(crate) struct UserProfile<'a> {
    /// The handle, without `@`.
    screen_name: &'a str,
    /// The display name.
    screen_nickname: &'a str,
    /// The description, possibly empty.
    user_bio: &'a str,
    /// The picture, 400x400.
    #[schema(format = Uri, required = true)]
    profile_image_url: Option<&'a str>,
    /// The banner, 1500x500; `null` if there is none.
    #[schema(format = Uri, required = true)]
    banner_image_url: Option<&'a str>,
    /// How many they follow.
    following_count: u64,
    /// How many follow them.
    follower_count: u64,
}

impl<'a> From<&'a Profile> for UserProfile<'a> {
    fn from(profile: &'a Profile) -> Self {
        Self {
            screen_name: &profile.screen_name,
            screen_nickname: &profile.nickname,
            user_bio: &profile.bio,
            profile_image_url: profile.profile_image_url.as_ref().map(Url::as_str),
            banner_image_url: profile.banner_image_url.as_ref().map(Url::as_str),
            following_count: profile.following,
            follower_count: profile.followers,
        }
    }
}

/// The caller's profile.
///
/// Asked of Twitter with the caller's own access, and kept for a short time, also in the caller's browser.
#[utoipa::path(
    get,
    path = "/api/twitter/user-profile",
    operation_id = "user_profile",
    tag = "profile",
    security(("bearer" = [])),
    responses((
        status = OK, body = UserProfile<'_>, description = "The profile.",
        headers(("Cache-Control" = String, description = "How long the caller may keep it."))
    ))
)]
pub(crate) async fn user_profile(
    Caller(identity): Caller,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let profile = match api.profiles.kept(identity).await {
        Some(profile) => profile,
        None => read(&api, identity).await?,
    };
    let kept = format!("private, max-age={}", api.keep_profiles.as_secs());
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, kept))
        .insert_header((header::VARY, "Authorization"))
        .json(UserProfile::from(&*profile)))
}

/// Asks Twitter.
async fn read(api: &Api, identity: Identity) -> Result<Arc<Profile>, Problem> {
    let reading = api.profiles.clone().read(identity);
    // It goes on if its caller hangs up, so that the next call finds what was paid for.
    let profile = api.carried.reading(api.deadlines.twitter, reading);
    let profile = profile.await?;
    facts::profile(identity, profile.as_ref().map(drop).map_err(Arc::as_ref));
    profile.map_err(Problem::of_profile)
}
