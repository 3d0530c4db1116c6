//! The pages of the stand-in Twitter: plain HTML without scripts, in Korean and English.

mod consent;
mod faults;
mod language;
mod timeline;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use maud::{DOCTYPE, Markup, html};

use crate::people::Person;

pub(crate) use consent::{ConsentPage, expired, misread};
pub(crate) use faults::faults;
pub(crate) use language::Language;
pub(crate) use timeline::timeline;

/// The stylesheet of every page.
pub(crate) const STYLE: &str = include_str!("style.css");
/// The icon in a browser tab.
pub(crate) const ICON: &str = include_str!("icon.svg");

/// A page.
pub(crate) struct Page {
    language: Language,
    title: String,
    status: StatusCode,
    body: Markup,
    /// A further target that the policy allows for forms: the browser follows the redirect of the answer there.
    form_target: String,
}

impl Page {
    fn new(language: Language, title: impl Into<String>, body: Markup) -> Self {
        Self {
            language,
            title: title.into(),
            status: StatusCode::OK,
            body,
            form_target: String::new(),
        }
    }

    pub(crate) fn into_response(self) -> HttpResponse {
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {}; base-uri 'none'; \
             frame-ancestors 'none'",
            self.form_target
        );
        HttpResponse::build(self.status)
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, policy))
            .insert_header((header::CONTENT_LANGUAGE, self.language.code()))
            .insert_header((header::VARY, "Accept-Language, Cookie"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::REFERRER_POLICY, "same-origin"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(self.markup().into_string())
    }

    fn markup(&self) -> Markup {
        let note = self.language.say(
            "시험용 트위터입니다. 사람도 글도 모두 지어낸 것입니다.",
            "A stand-in Twitter for trying things out. Its people and their past are made up.",
        );
        let faults = self.language.say("트위터의 장애 흉내", "Faults to act out");
        html! {
            (DOCTYPE)
            html lang=(self.language.code()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) }
                    link rel="stylesheet" href="/sandbox/style.css";
                    link rel="icon" href="/sandbox/icon.svg" type="image/svg+xml";
                }
                body {
                    p.note { (note) " " a href="/sandbox/faults" { (faults) } }
                    main { h1 { (self.title) } (self.body) }
                }
            }
        }
    }
}

fn face(person: Person) -> Markup {
    let address = format!("/pictures/{}/face_normal.svg", person.number());
    html! { img src=(address) alt="" width="48" height="48"; }
}
