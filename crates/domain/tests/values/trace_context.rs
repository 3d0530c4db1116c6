use lemon_domain::values::TraceContext;
use proptest::prelude::*;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn the_headers_of_the_specification_are_read_and_written() {
    let state = "congo=t61rcWkgMzE,rojo@1=00f067aa0ba902b7";
    let context = TraceContext::parse(PARENT, Some(state)).unwrap();
    assert_eq!(
        context.trace().to_string(),
        "0af7651916cd43dd8448eb211c80319c"
    );
    assert_eq!(context.span().to_string(), "b7ad6b7169203331");
    assert!(context.is_sampled());
    assert_eq!(context.traceparent(), PARENT);
    assert_eq!(context.tracestate(), Some(state));
    assert_eq!(context.to_string(), format!("{PARENT} {state}"));
    let not_sampled = TraceContext::parse(&PARENT.replace("-01", "-00"), None).unwrap();
    assert!(!not_sampled.is_sampled());
    assert_eq!(not_sampled.tracestate(), None);
}

#[test]
fn a_malformed_traceparent_is_refused_and_not_repeated() {
    for text in [
        "",
        "hush",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-hush",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-+1",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-레0af7651916cd43dd8448eb211c8031-b7ad6b7169203331-01",
    ] {
        let fault = TraceContext::parse(text, None).unwrap_err().to_string();
        assert!(fault.starts_with("traceparent is not"), "{fault}");
    }
}

#[test]
fn a_later_version_is_read_as_far_as_it_is_known() {
    for rest in ["", "-what-the-future-brings"] {
        let text = format!("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fd{rest}");
        let context = TraceContext::parse(&text, None).unwrap();
        assert_eq!(context.traceparent(), PARENT);
    }
}

#[test]
fn a_malformed_tracestate_is_left_out() {
    let many = vec!["a=1"; 33].join(",");
    let long = format!("a={},b={}", "x".repeat(256), "y".repeat(256));
    for state in [
        "", " , ", "a", "=1", "a=", "A=1", "a b=1", "a@b@c=1", "@a=1", "a@=1", "a=b=c", "a=레",
        "a=1\n", &many, &long,
    ] {
        let context = TraceContext::parse(PARENT, Some(state)).unwrap();
        assert_eq!(context.tracestate(), None, "{state:?}");
    }
}

#[test]
fn blanks_and_empty_members_of_a_tracestate_are_left_out() {
    let context = TraceContext::parse(PARENT, Some(" a=1 ,,\tb/*-_0@c=x y ")).unwrap();
    assert_eq!(context.tracestate(), Some("a=1,b/*-_0@c=x y"));
}

proptest! {
    #[test]
    fn what_is_read_is_written_so_that_it_is_read_again(
        traceparent in "0[0-1]-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
        state in "[a-z]{1,3}=[ -~]{1,9}(,[a-z]{1,3}=[ -~]{1,9})?",
    ) {
        if let Ok(context) = TraceContext::parse(&traceparent, Some(&state)) {
            let again = TraceContext::from_text(&context.to_string());
            prop_assert_eq!(again, Ok(context));
        }
    }

    #[test]
    fn no_text_is_too_odd(traceparent in ".{0,80}", state in ".{0,80}") {
        let _read = TraceContext::parse(&traceparent, Some(&state));
        let _read = TraceContext::from_text(&traceparent);
    }
}
