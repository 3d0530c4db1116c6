use maud::{Markup, html};

use super::{Language, Page};
use crate::faults::{ActedFault, AffectedCalls, FaultKind};

/// The faults that are acted out, and a form for a further one.
pub(crate) fn faults(language: Language, acted: &[ActedFault]) -> Page {
    let say = |korean, english| language.say(korean, english);
    let body = html! {
        p { (say("여기서 고른 장애를 이 트위터가 흉내 냅니다. 앱이 어떻게 답하는지 지켜보세요.",
            "This Twitter acts out the faults that you choose here. Watch how the app answers.")) }
        @if acted.is_empty() {
            p { (say("지금은 장애가 없습니다.", "There is no fault at the moment.")) }
        } @else {
            ul { @for fault in acted { (entry(language, fault)) } }
        }
        (form(language))
        form method="post" action="/sandbox/faults" {
            input type="hidden" name="fault" value="none";
            p.actions { button type="submit" { (say("장애 모두 끝내기", "End all faults")) } }
        }
    };
    Page::new(language, say("트위터의 장애", "Faults of Twitter"), body)
}

fn entry(language: Language, fault: &ActedFault) -> Markup {
    let (english, korean) = fault.fault.explanation();
    let with_time = matches!(fault.fault, FaultKind::RateLimited | FaultKind::Slow);
    html! {
        li {
            strong { (fault.fault.as_str()) } " – " (language.say(korean, english))
            " (" (fault.calls.as_str())
            @if let Some(person) = fault.person { ", person " (person) }
            @if let Some(times) = fault.times { ", " (times) "×" }
            @if with_time { ", " (fault.seconds) " s" }
            ")"
        }
    }
}

fn form(language: Language) -> Markup {
    let say = |korean, english| language.say(korean, english);
    html! {
        form method="post" action="/sandbox/faults" {
            fieldset {
                legend { (say("장애", "Fault")) }
                @for (place, kind) in FaultKind::ALL.into_iter().enumerate() {
                    @let (english, korean) = kind.explanation();
                    label {
                        input type="radio" name="fault" value=(kind.as_str()) checked[place == 1];
                        span { strong { (kind.as_str()) } " – " (say(korean, english)) }
                    }
                }
                label { (say("호출", "Calls"))
                    select name="calls" {
                        @for calls in AffectedCalls::ALL { option value=(calls.as_str()) { (calls.as_str()) } }
                    }
                }
                label { (say("사람 번호 (비우면 모두)", "Number of the person (empty: everybody)"))
                    input type="number" name="person" min="1" max="1000000";
                }
                label { (say("횟수 (비우면 계속)", "How often (empty: always)"))
                    input type="number" name="times" min="1";
                }
                label { (say("초", "Seconds")) input type="number" name="seconds" min="1" value="30"; }
            }
            p.actions { button.primary type="submit" { (say("흉내 내기", "Act it out")) } }
        }
    }
}
