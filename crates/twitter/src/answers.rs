//! Twitter's answers, with only the fields that are used.

use chrono::{DateTime, Utc};
use lemon_domain::ports::{Profile, Tweet, TweetId, TweetPage};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::refusal::XProblem;

/// The envelope of version 2. Even a success may contain errors, with or without data.
#[derive(Debug, Deserialize)]
pub(crate) struct V2Answer<T> {
    pub(crate) data: Option<T>,
    #[serde(default)]
    pub(crate) errors: Vec<XProblem>,
    #[serde(default)]
    pub(crate) meta: Meta,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Meta {
    next_token: Option<String>,
}

/// A person in version 2: <https://docs.x.com/x-api/users/get-my-user>.
#[derive(Debug, Deserialize)]
pub(crate) struct UserV2 {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    username: String,
    #[serde(default, deserialize_with = "null_is_default")]
    name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    description: String,
    profile_image_url: Option<String>,
    profile_banner_url: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    public_metrics: PublicMetrics,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PublicMetrics {
    #[serde(deserialize_with = "null_is_default")]
    followers_count: u64,
    #[serde(deserialize_with = "null_is_default")]
    following_count: u64,
}

/// A person in version 1.1.
#[derive(Debug, Deserialize)]
pub(crate) struct UserV1 {
    id_str: String,
    #[serde(default, deserialize_with = "null_is_default")]
    screen_name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    description: String,
    profile_image_url_https: Option<String>,
    profile_banner_url: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    followers_count: u64,
    #[serde(default, deserialize_with = "null_is_default")]
    friends_count: u64,
}

/// Treats a `null` field like a missing one.
fn null_is_default<'de, D, T>(field: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(field).map(Option::unwrap_or_default)
}

/// A person's id, as it was received, and profile.
#[derive(Debug)]
pub(crate) struct Me {
    pub(crate) id: String,
    pub(crate) profile: Profile,
}

impl From<UserV2> for Me {
    fn from(user: UserV2) -> Self {
        Self {
            id: user.id,
            profile: Profile {
                screen_name: user.username,
                nickname: user.name,
                bio: user.description,
                profile_image_url: whole_image(user.profile_image_url),
                banner_image_url: whole_banner(user.profile_banner_url),
                following: user.public_metrics.following_count,
                followers: user.public_metrics.followers_count,
            },
        }
    }
}

impl From<UserV1> for Me {
    fn from(user: UserV1) -> Self {
        Self {
            id: user.id_str,
            profile: Profile {
                screen_name: user.screen_name,
                nickname: user.name,
                bio: user.description,
                profile_image_url: whole_image(user.profile_image_url_https),
                banner_image_url: whole_banner(user.profile_banner_url),
                following: user.friends_count,
                followers: user.followers_count,
            },
        }
    }
}

/// A post: <https://docs.x.com/x-api/users/get-posts>.
#[derive(Debug, Deserialize)]
pub(crate) struct TweetV2 {
    id: String,
    text: String,
    created_at: Option<DateTime<Utc>>,
}

impl From<TweetV2> for Tweet {
    fn from(tweet: TweetV2) -> Self {
        Self {
            id: TweetId(tweet.id),
            text: tweet.text,
            created_at: tweet.created_at,
        }
    }
}

impl V2Answer<Vec<TweetV2>> {
    pub(crate) fn into_page(self) -> TweetPage {
        let tweets = self.data.unwrap_or_default();
        TweetPage {
            tweets: tweets.into_iter().map(Tweet::from).collect(),
            next: self.meta.next_token,
        }
    }
}

/// The answer to a new post, with its id.
#[derive(Debug, Deserialize)]
pub(crate) struct Posted {
    pub(crate) id: String,
}

/// Pictures are given as thumbnails, `<name>_normal.<ext>`; the full size has `_400x400` in its place:
/// <https://docs.x.com/x-api/fundamentals/data-dictionary>.
fn whole_image(address: Option<String>) -> Option<Url> {
    let mut url = web_address(&address?)?;
    let path = url.path();
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    if let Some(at) = path[name..].rfind("_normal").map(|at| name + at) {
        let whole = format!("{}_400x400{}", &path[..at], &path[at + "_normal".len()..]);
        url.set_path(&whole);
    }
    Some(url)
}

/// A banner's address has no size; with `/1500x500` after it, it is the full size (same page).
fn whole_banner(address: Option<String>) -> Option<Url> {
    const SIZE: &str = "/1500x500";
    let mut url = web_address(&address?)?;
    let path = url.path().trim_end_matches('/');
    if !path.ends_with(SIZE) {
        url.set_path(&format!("{path}{SIZE}"));
    }
    Some(url)
}

/// Accepts only `http` and `https`: any other scheme is not a picture, and may be harmful.
fn web_address(address: &str) -> Option<Url> {
    Url::parse(address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(address: &str) -> Option<String> {
        whole_image(Some(address.to_owned())).map(String::from)
    }

    fn banner(address: &str) -> Option<String> {
        whole_banner(Some(address.to_owned())).map(String::from)
    }

    #[test]
    fn a_thumbnail_becomes_the_whole_picture() {
        let whole = image("https://pbs.twimg.com/profile_images/1/Xy_normal.jpg?a=b");
        let expected = "https://pbs.twimg.com/profile_images/1/Xy_400x400.jpg?a=b";
        assert_eq!(whole.as_deref(), Some(expected));
        let default = image("https://abs.twimg.com/default_profile_normal.png");
        let expected = "https://abs.twimg.com/default_profile_400x400.png";
        assert_eq!(default.as_deref(), Some(expected));
    }

    #[test]
    fn only_the_size_in_a_pictures_name_is_replaced() {
        let whole = image("https://pbs.twimg.com/a_normal/b_normal_normal.jpg");
        let expected = "https://pbs.twimg.com/a_normal/b_normal_400x400.jpg";
        assert_eq!(whole.as_deref(), Some(expected));
        let other = "https://pbs.twimg.com/a_normal/b.jpg";
        assert_eq!(image(other).as_deref(), Some(other));
    }

    #[test]
    fn a_banner_gets_its_size_once() {
        let expected = "https://pbs.twimg.com/profile_banners/1/2/1500x500";
        for address in [
            "https://pbs.twimg.com/profile_banners/1/2",
            "https://pbs.twimg.com/profile_banners/1/2/",
            expected,
        ] {
            assert_eq!(banner(address).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_web_address_is_no_picture() {
        for address in [
            "",
            "javascript:alert(1)",
            "data:image/png,x",
            "/only/a/path",
        ] {
            assert_eq!(image(address), None);
            assert_eq!(banner(address), None);
        }
    }
}
