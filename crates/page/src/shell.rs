use maud::{DOCTYPE, Markup, html};

use super::PageConfig;

/// The page without its texts: the scripts insert them by `data-t`, in the person's language.
///
/// The values that the scripts need are data attributes of the root element, because inline scripts are forbidden.
pub(super) fn html(config: &PageConfig) -> String {
    let sandbox = config.sandbox_url.as_str().trim_end_matches('/');
    let page = html! {
        (DOCTYPE)
        html lang="en"
            data-sandbox=(sandbox)
            data-home=[config.home.as_ref().map(url::Url::as_str)]
            data-training-seconds=(config.training.as_secs_f64())
            data-service-path=(config.service_path)
            data-service-type=(config.service_type) {
            (head())
            body {
                a.skip href="#main" data-t="skip" {}
                (header())
                main #main tabindex="-1" {
                    (no_script())
                    div #message role="status" {}
                    (welcome())
                    (profile())
                    (places())
                    (learn_me())
                }
                (footer(sandbox))
                (confirmation())
                (change())
            }
        }
    };
    page.into_string()
}

fn head() -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="theme-color" content="#fbf9f1" media="(prefers-color-scheme: light)";
            meta name="theme-color" content="#15140f" media="(prefers-color-scheme: dark)";
            title { "Lemon Toolbox" }
            link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
            link rel="stylesheet" href="/assets/style.css";
            @for script in ["api", "session", "view", "words"] {
                link rel="modulepreload" href={ "/assets/" (script) ".js" };
            }
            script type="module" src="/assets/app.js" {}
        }
    }
}

fn header() -> Markup {
    html! {
        header {
            h1 { img src="/assets/icon.svg" alt="" width="32" height="32"; "Lemon Toolbox" }
            div.controls {
                button #language.quiet type="button" {}
                button #sign-out.quiet type="button" data-t="sign_out" hidden {}
            }
        }
    }
}

fn no_script() -> Markup {
    html! {
        noscript {
            p lang="en" { "This page needs JavaScript." }
            p lang="ko" { "이 페이지를 보려면 JavaScript가 필요해요." }
        }
    }
}

fn welcome() -> Markup {
    html! {
        section #welcome aria-labelledby="welcome-title" hidden {
            h2 #welcome-title tabindex="-1" data-t="welcome" {}
            p data-t="intro" {}
            button #sign-in.primary type="button" data-t="sign_in" {}
        }
    }
}

fn profile() -> Markup {
    html! {
        section #profile.card aria-labelledby="name" hidden {
            div.banner { img #banner alt="" width="1500" height="500" hidden; }
            div.person {
                img #picture alt="" width="400" height="400" hidden;
                h2 #name tabindex="-1" {}
                p #handle {}
                p #bio {}
                dl {
                    div { dt data-t="following" {} dd #following {} }
                    div { dt data-t="followers" {} dd #followers {} }
                }
            }
        }
    }
}

fn places() -> Markup {
    html! {
        section #places.card aria-labelledby="places-title" hidden {
            h2 #places-title data-t="places" {}
            progress #places-bar aria-labelledby="places-title" {}
            p #places-text {}
        }
    }
}

fn learn_me() -> Markup {
    html! {
        section #learn-me.card aria-labelledby="learn-me-title" hidden {
            div.title {
                h2 #learn-me-title tabindex="-1" { "Learn Me" }
                span #badge {}
            }
            p #learn-me-text {}
            div #training hidden {
                progress #training-bar aria-labelledby="badge" {}
                p #training-text {}
            }
            (notification())
            label #public-choice hidden {
                input #public type="checkbox" role="switch"
                    aria-labelledby="public-name" aria-describedby="public-hint";
                span {
                    span #public-name data-t="public" {}
                    small #public-hint data-t="public_hint" {}
                }
            }
            div.actions {
                button #register.primary type="button" hidden {}
                button #delete.quiet type="button" data-t="delete" hidden {}
            }
        }
    }
}

fn notification() -> Markup {
    html! {
        figure #notification hidden {
            figcaption data-t="notification" {}
            blockquote {
                p #notification-text {}
                footer { span #notification-from {} " · " time #notification-time {} }
            }
        }
    }
}

fn footer(sandbox: &str) -> Markup {
    html! {
        footer {
            p {
                span data-t="sandbox_note" {}
                " "
                a href={ (sandbox) "/timeline" } data-t="timeline" {}
            }
            button #somebody-else.quiet type="button" data-t="somebody_else" {}
        }
    }
}

fn confirmation() -> Markup {
    html! {
        dialog #confirmation aria-labelledby="confirmation-title" aria-describedby="confirmation-text" {
            h2 #confirmation-title data-t="confirm_title" {}
            p #confirmation-text {}
            div.actions {
                button #keep.quiet type="button" data-t="keep" autofocus {}
                button #confirm.danger type="button" data-t="confirm" {}
            }
        }
    }
}

/// Asks before the account of a person who is signed in is replaced.
fn change() -> Markup {
    html! {
        dialog #change aria-labelledby="change-title" aria-describedby="change-text" {
            h2 #change-title data-t="change_title" {}
            p #change-text data-t="change_text" {}
            div.actions {
                button #stay.quiet type="button" data-t="stay" autofocus {}
                button #switch.quiet type="button" data-t="switch" {}
            }
        }
    }
}
