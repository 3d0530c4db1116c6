use actix_web::{HttpResponse, web};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{call::SignedCall, path_part};
use crate::{
    people::{MadeUpTweet, Person, tweets},
    provider::{Endpoint, OAuthProvider, Post},
    x_error::{V2Error, XError, insert_allowance},
};

/// The prefix of a post's id in a `pagination_token`: the next page starts after that post, regardless of newer ones.
const OLDER_THAN: &str = "before";

/// `GET /2/users/:id/tweets`: <https://docs.x.com/x-api/users/get-posts>.
pub(super) async fn of_person(
    provider: web::Data<OAuthProvider>,
    call: SignedCall,
) -> Result<HttpResponse, V2Error> {
    let caller = provider.person(&call.received())?.person;
    let allowance = provider.admit(caller, Endpoint::Tweets)?;
    let question = TimelineQuery::read(&call)?;
    let id = path_part(&call.request, "id");
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid("The `id` path parameter is not a number.").into());
    }
    let body = match Person::by_user_id_text(id) {
        Some(person) => page(&provider, person, &question),
        None => not_found(id),
    };
    let mut response = HttpResponse::Ok();
    insert_allowance(&mut response, &allowance);
    Ok(response.json(body))
}

/// `POST /2/tweets`: <https://docs.x.com/x-api/posts/create-post>.
pub(super) async fn post(
    provider: web::Data<OAuthProvider>,
    call: SignedCall,
) -> Result<HttpResponse, V2Error> {
    #[derive(Deserialize)]
    struct NewPost {
        text: String,
    }

    let person = provider.person(&call.received())?.person;
    let allowance = provider.admit(person, Endpoint::Post)?;
    let new: NewPost = serde_json::from_slice(&call.body)
        .map_err(|_| invalid("The body is not JSON with a `text`."))?;
    let post = provider.post(person, &new.text)?;
    let id = post.id.to_string();
    let mut response = HttpResponse::Created();
    insert_allowance(&mut response, &allowance);
    let data = json!({ "id": id, "edit_history_tweet_ids": [id], "text": post.text });
    Ok(response.json(json!({ "data": data })))
}

/// The parameters of a request for posts.
struct TimelineQuery {
    max_results: usize,
    before: Option<i64>,
    with_time: bool,
}

impl TimelineQuery {
    fn read(call: &SignedCall) -> Result<Self, XError> {
        let max_results = match call.parameter("max_results") {
            None => 10,
            Some(number) => number
                .parse()
                .ok()
                .filter(|number| (5..=100).contains(number))
                .ok_or_else(|| invalid("The `max_results` is not between 5 and 100."))?,
        };
        let before = match call.parameter("pagination_token") {
            None => None,
            Some(token) => Some(
                token
                    .strip_prefix(OLDER_THAN)
                    .and_then(|id| id.parse().ok())
                    .ok_or_else(|| {
                        invalid("The `pagination_token` was not issued by this server.")
                    })?,
            ),
        };
        let fields = call.parameter("tweet.fields").unwrap_or_default();
        Ok(Self {
            max_results,
            before,
            with_time: fields.split(',').any(|field| field == "created_at"),
        })
    }
}

fn page(provider: &OAuthProvider, person: Person, question: &TimelineQuery) -> Value {
    let mut older = provider
        .posts(Some(person))
        .into_iter()
        .map(TweetObject::from)
        .chain(tweets(person).map(TweetObject::from))
        .filter(|tweet| question.before.is_none_or(|before| tweet.id < before));
    let found: Vec<TweetObject> = older.by_ref().take(question.max_results).collect();
    let mut meta = json!({ "result_count": found.len() });
    let Some((newest, oldest)) = found.first().zip(found.last()) else {
        return json!({ "meta": meta });
    };
    meta["newest_id"] = newest.id.to_string().into();
    meta["oldest_id"] = oldest.id.to_string().into();
    if older.next().is_some() {
        meta["next_token"] = format!("{OLDER_THAN}{}", oldest.id).into();
    }
    let data: Vec<Value> = found
        .iter()
        .map(|tweet| tweet.to_json(question.with_time))
        .collect();
    json!({ "data": data, "meta": meta })
}

/// A post, made up or real.
struct TweetObject {
    id: i64,
    text: String,
    created_at: DateTime<Utc>,
}

impl TweetObject {
    fn to_json(&self, with_time: bool) -> Value {
        let id = self.id.to_string();
        let mut tweet = json!({ "id": id, "edit_history_tweet_ids": [id], "text": self.text });
        if with_time {
            tweet["created_at"] = self
                .created_at
                .to_rfc3339_opts(SecondsFormat::Millis, true)
                .into();
        }
        tweet
    }
}

impl From<Post> for TweetObject {
    fn from(post: Post) -> Self {
        Self {
            id: post.id,
            text: post.text,
            created_at: post.created_at,
        }
    }
}

impl From<MadeUpTweet> for TweetObject {
    fn from(tweet: MadeUpTweet) -> Self {
        Self {
            id: tweet.id,
            text: tweet.text,
            created_at: tweet.created_at,
        }
    }
}

/// X answers 200 for a person who does not exist.
fn not_found(id: &str) -> Value {
    json!({ "errors": [{
        "value": id,
        "detail": format!("Could not find user with id: [{id}]."),
        "title": "Not Found Error",
        "resource_type": "user",
        "parameter": "id",
        "type": "https://api.x.com/2/problems/resource-not-found",
    }]})
}

fn invalid(message: &str) -> XError {
    XError::InvalidRequest(message.to_owned())
}
