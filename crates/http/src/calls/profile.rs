use actix_web::{HttpResponse, web::Data};
use lemon_domain::ports::Profile;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{api::Api, deadline::within, extract::Caller, problem::Problem};

/// A person's profile at Twitter, as it is now.
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
pub(crate) struct UserProfile {
    /// The handle, without `@`.
    screen_name: String,
    /// The display name.
    screen_nickname: String,
    /// The description, possibly empty.
    user_bio: String,
    /// The picture, 400x400.
    #[schema(format = Uri, required = true)]
    profile_image_url: Option<String>,
    /// The banner, 1500x500; `null` if there is none.
    #[schema(format = Uri, required = true)]
    banner_image_url: Option<String>,
    /// How many they follow.
    following_count: u64,
    /// How many follow them.
    follower_count: u64,
}

impl From<Profile> for UserProfile {
    fn from(profile: Profile) -> Self {
        Self {
            screen_name: profile.screen_name,
            screen_nickname: profile.nickname,
            user_bio: profile.bio,
            profile_image_url: profile.profile_image_url.map(String::from),
            banner_image_url: profile.banner_image_url.map(String::from),
            following_count: profile.following,
            follower_count: profile.followers,
        }
    }
}

/// The caller's profile.
///
/// Asked of Twitter with the caller's own access.
#[utoipa::path(
    get,
    path = "/api/twitter/user-profile",
    operation_id = "user_profile",
    tag = "profile",
    security(("bearer" = [])),
    responses((status = OK, body = UserProfile, description = "The profile."))
)]
pub(crate) async fn user_profile(
    Caller(identity): Caller,
    api: Data<Api>,
) -> Result<HttpResponse, Problem> {
    let profile = within(
        api.deadlines.twitter,
        api.use_cases.profiles.profile(identity),
    )
    .await??;
    Ok(HttpResponse::Ok().json(UserProfile::from(profile)))
}
