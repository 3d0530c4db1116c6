use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{call::SignedCall, origin};
use crate::{
    people::{Person, tweet_count},
    provider::{Endpoint, OAuthProvider},
    x_error::{V2Error, XError, insert_allowance},
};

/// `GET /2/users/me`, with the requested fields: <https://docs.x.com/x-api/users/get-my-user>.
pub(super) async fn me(
    provider: web::Data<OAuthProvider>,
    call: SignedCall,
) -> Result<HttpResponse, V2Error> {
    let person = provider.person(&call.received())?.person;
    let allowance = provider.admit(person, Endpoint::Me)?;
    let fields = call.parameter("user.fields").unwrap_or_default();
    let data = user_v2(person, &origin(&call.request), &fields)?;
    let mut response = HttpResponse::Ok();
    insert_allowance(&mut response, &allowance);
    Ok(response.json(json!({ "data": data })))
}

/// `GET /1.1/account/verify_credentials.json`
pub(super) async fn verify_credentials(
    provider: web::Data<OAuthProvider>,
    call: SignedCall,
) -> Result<HttpResponse, XError> {
    let person = provider.person(&call.received())?.person;
    let allowance = provider.admit(person, Endpoint::VerifyCredentials)?;
    let mut response = HttpResponse::Ok();
    insert_allowance(&mut response, &allowance);
    Ok(response.json(user_v1(person, &origin(&call.request))))
}

fn user_v2(person: Person, origin: &str, fields: &str) -> Result<Value, XError> {
    let mut user = json!({
        "id": person.user_id().to_string(),
        "name": person.name(),
        "username": person.screen_name(),
    });
    for field in fields.split(',').filter(|field| !field.is_empty()) {
        let value = match field {
            "id" | "name" | "username" => continue,
            "description" => person.bio().into(),
            "profile_image_url" => thumbnail(person, origin).into(),
            "profile_banner_url" if !person.has_banner() => continue,
            "profile_banner_url" => banner(person, origin).into(),
            "public_metrics" => json!({
                "followers_count": person.followers(),
                "following_count": person.following(),
                "tweet_count": tweet_count(person),
            }),
            _ => {
                let message = "The `user.fields` query parameter has an unknown value.";
                return Err(XError::InvalidRequest(message.to_owned()));
            }
        };
        user[field] = value;
    }
    Ok(user)
}

fn user_v1(person: Person, origin: &str) -> Value {
    let mut user = json!({
        "id": person.user_id(),
        "id_str": person.user_id().to_string(),
        "name": person.name(),
        "screen_name": person.screen_name(),
        "description": person.bio(),
        "followers_count": person.followers(),
        "friends_count": person.following(),
        "statuses_count": tweet_count(person),
        "profile_image_url_https": thumbnail(person, origin),
    });
    if person.has_banner() {
        user["profile_banner_url"] = banner(person, origin).into();
    }
    user
}

fn thumbnail(person: Person, origin: &str) -> String {
    format!("{origin}/pictures/{}/face_normal.svg", person.number())
}

fn banner(person: Person, origin: &str) -> String {
    format!("{origin}/banners/{}", person.number())
}
