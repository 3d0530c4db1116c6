//! Twitter's answers, with only the fields that are used.
//!
//! Only what identifies a person or a post must be as X documents it. Anything else is decoration: a field that is not as
//! it should be is like one that is missing.

use lemon_domain::ports::{Profile, Tweet, TweetId, TweetPage};
use serde_json::Value;
use url::Url;

use crate::refusal::{XProblem, problems_of};

/// The envelope of version 2. Even a success may contain errors, with or without data.
#[derive(Debug)]
pub(crate) struct V2Answer {
    pub(crate) data: Option<Value>,
    pub(crate) problems: Vec<XProblem>,
    next: Option<String>,
}

impl V2Answer {
    /// `None` if it is not an envelope.
    pub(crate) fn read(mut answer: Value) -> Option<Self> {
        let fields = answer.as_object_mut()?;
        let data = fields.remove("data").filter(|data| !data.is_null());
        Some(Self {
            data,
            problems: problems_of(&answer["errors"]),
            next: answer["meta"]["next_token"].as_str().map(str::to_owned),
        })
    }

    /// A page of posts: <https://docs.x.com/x-api/users/get-posts>.
    pub(crate) fn into_page(self) -> Option<TweetPage> {
        let tweets = match self.data {
            Some(Value::Array(tweets)) => tweets.iter().map(tweet).collect::<Option<_>>()?,
            Some(_) => return None,
            None => Vec::new(),
        };
        Some(TweetPage {
            tweets,
            next: self.next,
        })
    }
}

/// A person's id, as it was received, and profile.
#[derive(Debug)]
pub(crate) struct Me {
    pub(crate) id: String,
    pub(crate) profile: Profile,
}

impl Me {
    /// Reads a person of version 2: <https://docs.x.com/x-api/users/get-my-user>.
    pub(crate) fn of_v2(user: &Value) -> Option<Self> {
        let counts = &user["public_metrics"];
        Some(Self {
            id: id(user, "id")?,
            profile: Profile {
                screen_name: text(user, "username"),
                nickname: text(user, "name"),
                bio: text(user, "description"),
                profile_image_url: whole_image(user["profile_image_url"].as_str()),
                banner_image_url: whole_banner(user["profile_banner_url"].as_str()),
                following: count(counts, "following_count"),
                followers: count(counts, "followers_count"),
            },
        })
    }

    /// Reads a person of version 1.1.
    pub(crate) fn of_v1(user: &Value) -> Option<Self> {
        Some(Self {
            id: id(user, "id_str")?,
            profile: Profile {
                screen_name: text(user, "screen_name"),
                nickname: text(user, "name"),
                bio: text(user, "description"),
                profile_image_url: whole_image(user["profile_image_url_https"].as_str()),
                banner_image_url: whole_banner(user["profile_banner_url"].as_str()),
                following: count(user, "friends_count"),
                followers: count(user, "followers_count"),
            },
        })
    }
}

/// The id in the answer to a new post.
pub(crate) fn posted(post: &Value) -> Option<TweetId> {
    id(post, "id").map(TweetId)
}

fn tweet(tweet: &Value) -> Option<Tweet> {
    let created_at = tweet["created_at"].as_str();
    Some(Tweet {
        id: TweetId(id(tweet, "id")?),
        text: tweet["text"].as_str()?.to_owned(),
        created_at: created_at.and_then(|time| time.parse().ok()),
    })
}

fn id(of: &Value, field: &str) -> Option<String> {
    of[field].as_str().map(str::to_owned)
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_default().to_owned()
}

/// A count; 0 if it is negative, or no number. One with a fraction is rounded.
fn count(of: &Value, field: &str) -> u64 {
    let digits = match &of[field] {
        Value::Number(number) => match number.as_f64() {
            Some(fraction) if number.is_f64() => format!("{fraction:.0}"),
            _ => number.to_string(),
        },
        Value::String(digits) => digits.clone(),
        _ => String::new(),
    };
    digits.parse().unwrap_or_default()
}

/// Pictures are given as thumbnails, `<name>_normal.<ext>`; the full size has `_400x400` in its place:
/// <https://docs.x.com/x-api/fundamentals/data-dictionary>.
fn whole_image(address: Option<&str>) -> Option<Url> {
    let mut url = web_address(address?)?;
    let path = url.path();
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    if let Some(at) = path[name..].rfind("_normal").map(|at| name + at) {
        let whole = format!("{}_400x400{}", &path[..at], &path[at + "_normal".len()..]);
        url.set_path(&whole);
    }
    Some(url)
}

/// A banner's address has no size; with `/1500x500` after it, it is the full size (same page).
fn whole_banner(address: Option<&str>) -> Option<Url> {
    const SIZE: &str = "/1500x500";
    let mut url = web_address(address?)?;
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
        whole_image(Some(address)).map(String::from)
    }

    fn banner(address: &str) -> Option<String> {
        whole_banner(Some(address)).map(String::from)
    }

    #[test]
    fn a_thumbnail_becomes_the_full_picture() {
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
    fn a_text_that_is_no_web_address_is_no_picture() {
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
