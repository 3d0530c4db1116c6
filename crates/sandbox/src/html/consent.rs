use actix_web::http::StatusCode;
use maud::html;
use url::{Origin, Url};

use super::{Language, Page, face};
use crate::people::Person;

/// The number of people that the page offers. Programs may send any other number.
const OFFERED: u32 = 6;

/// The content of the consent page.
pub(crate) struct ConsentPage<'a> {
    pub(crate) language: Language,
    pub(crate) token: &'a str,
    pub(crate) callback: &'a Url,
    /// The person who is signed in at this browser.
    pub(crate) signed_in: Option<Person>,
}

impl ConsentPage<'_> {
    pub(crate) fn page(&self) -> Page {
        let say = |korean, english| self.language.say(korean, english);
        let offered = (1..=OFFERED).filter_map(Person::new);
        let extra = self.signed_in.filter(|person| person.number() > OFFERED);
        let chosen = self.signed_in.map_or(1, Person::number);
        let body = html! {
            p {
                (say("허용하면 앱이 프로필과 글을 읽고, 글을 쓸 수 있습니다. 허용한 뒤 돌아갈 곳: ",
                     "The app will read the profile and posts, and post on the person's behalf. You then return to "))
                strong { (place(self.callback)) }
            }
            form method="post" action="/oauth/authorize" {
                input type="hidden" name="oauth_token" value=(self.token);
                fieldset {
                    legend { (say("누구로 로그인할까요?", "Sign in as")) }
                    @for person in offered.chain(extra) {
                        label {
                            input type="radio" name="person" value=(person.number()) checked[person.number() == chosen];
                            (face(person))
                            span { strong { (person.name()) } " @" (person.screen_name()) }
                        }
                    }
                }
                p.actions {
                    button.primary type="submit" name="decision" value="authorize" { (say("앱 인증", "Authorize app")) }
                    button type="submit" name="decision" value="cancel" { (say("취소", "Cancel")) }
                }
            }
        };
        let title = say(
            "앱이 계정에 접근하도록 허용할까요?",
            "Authorize the app to access your account?",
        );
        Page {
            form_target: source(self.callback),
            ..Page::new(self.language, title, body)
        }
    }
}

/// The request token is unknown, used or too old.
pub(crate) fn expired(language: Language) -> Page {
    let title = language.say(
        "이 로그인은 더 이상 유효하지 않습니다",
        "This sign-in is no longer valid",
    );
    let body = html! {
        p { (language.say("이미 썼거나 오래된 요청입니다. 앱으로 돌아가 다시 시작하세요.",
            "The sign-in was used before, or it is too old. Go back to the app and start again.")) }
    };
    Page {
        status: StatusCode::FORBIDDEN,
        ..Page::new(language, title, body)
    }
}

/// The form came from another site, or with fields that the page does not send.
pub(crate) fn misread(language: Language, status: StatusCode) -> Page {
    let title = language.say("요청을 이해할 수 없습니다", "The request is not understood");
    let body = html! {
        p { (language.say("앱으로 돌아가 다시 시작하세요.", "Go back to the app and start again.")) }
    };
    Page {
        status,
        ..Page::new(language, title, body)
    }
}

fn place(callback: &Url) -> String {
    callback
        .host_str()
        .map_or_else(|| callback.scheme().to_owned(), str::to_owned)
}

/// The callback as a source in a Content Security Policy.
fn source(callback: &Url) -> String {
    match callback.origin() {
        origin @ Origin::Tuple(..) => origin.ascii_serialization(),
        Origin::Opaque(_) => format!("{}:", callback.scheme()),
    }
}
