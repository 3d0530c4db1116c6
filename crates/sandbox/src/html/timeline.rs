use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::{Language, Page, face};
use crate::people::{Person, tweets};
use crate::provider::Post;

/// The number of posts on the page for all people.
const SHOWN: usize = 200;

/// The posts, newest first; for one person, with the made-up ones.
pub(crate) fn timeline(language: Language, posts: &[Post], of: Option<Person>) -> Page {
    let title = of.map_or_else(
        || language.say("타임라인", "Timeline").to_owned(),
        |person| format!("{} @{}", person.name(), person.screen_name()),
    );
    let body = html! {
        @if let Some(person) = of {
            p { (person.bio()) }
            p { a href="/timeline" { (language.say("모든 글", "All posts")) } }
        }
        @if posts.is_empty() {
            p { (language.say("아직 올라온 글이 없습니다.", "Nobody has posted anything yet.")) }
        }
        ol.posts {
            @for post in posts.iter().take(SHOWN) {
                @if let Some(person) = Person::by_user_id(post.user_id) {
                    (entry(person, &post.text, post.created_at))
                }
            }
            @if let Some(person) = of {
                @for tweet in tweets(person) { (entry(person, &tweet.text, tweet.created_at)) }
            }
        }
        form method="post" action="/sandbox/sign-out" {
            button type="submit" { (language.say("이 브라우저에서 로그아웃", "Sign this browser out")) }
        }
    };
    Page::new(language, title, body)
}

fn entry(person: Person, text: &str, at: DateTime<Utc>) -> Markup {
    let home = format!("/timeline/{}", person.user_id());
    html! {
        li {
            (face(person))
            article {
                a href=(home) { strong { (person.name()) } " @" (person.screen_name()) }
                " " time datetime=(at.to_rfc3339()) { (at.format("%Y-%m-%d %H:%M UTC")) }
                p { (text) }
            }
        }
    }
}
