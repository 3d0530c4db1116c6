//! Values in headers, bodies, paths and configuration.

use std::fmt::Display;

use lemon_domain::{
    keys::decode_key,
    values::{
        BudgetName, Directive, Holder, IdempotencyKey, InvalidValue, Period, Provider,
        ProviderUserId, QueueName, RequestToken, Scope, ServicePath, ServiceType, TraceContext,
        Verifier, WindowPolicy,
    },
};

use crate::runtime::{MARK, must_not_quote};

/// A trace context in two lines, as in two headers: what is read is written and read as the same.
pub(crate) fn traces(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (parent, state) = match text.split_once('\n') {
        Some((parent, state)) => (parent, Some(state)),
        None => (&*text, None),
    };
    match TraceContext::parse(parent, state) {
        Ok(trace) => {
            let again = TraceContext::parse(&trace.traceparent(), trace.tracestate());
            assert_eq!(again.as_ref(), Ok(&trace), "through headers");
            let again = TraceContext::from_text(&trace.to_string());
            assert_eq!(again, Ok(trace), "through a text");
        }
        Err(error) => must_not_quote(&error),
    }
    if let Ok(trace) = TraceContext::from_text(&text) {
        assert_eq!(TraceContext::from_text(&trace.to_string()), Ok(trace));
    }
}

/// Every value that is a text: what is read is shown as it came.
pub(crate) fn values(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for text in [text.to_string(), format!("{MARK}{text}")] {
        let text = text.as_str();
        same(text, BudgetName::parse(text), |it| it.as_str().to_owned());
        same(text, Holder::parse(text), |it| it.as_str().to_owned());
        same(text, IdempotencyKey::parse(text), |it| {
            it.as_str().to_owned()
        });
        same(text, QueueName::parse(text), |it| it.as_str().to_owned());
        same(text, RequestToken::parse(text), |it| it.as_str().to_owned());
        same(text, Scope::parse(text), |it| it.as_str().to_owned());
        same(text, ServicePath::parse(text), |it| it.as_str().to_owned());
        same(text, ServiceType::parse(text), |it| it.as_str().to_owned());
        same(text, Verifier::parse(text), |it| it.expose().to_owned());
        same(text, Provider::parse(text), |it| it.as_str().to_owned());
        shown(text, Directive::parse(text));
        number(text);
        if let Err(error) = decode_key(text) {
            must_not_quote(&error);
        }
        let (time, zone) = text.split_once('\n').unwrap_or((text, "UTC"));
        for period in [Period::Daily, Period::Monthly] {
            window(WindowPolicy::parse(period, time, zone));
        }
    }
}

fn same<T>(text: &str, parsed: Result<T, InvalidValue>, show: impl FnOnce(T) -> String) {
    match parsed {
        Ok(value) => assert_eq!(show(value), text),
        Err(error) => must_not_quote(&error),
    }
}

fn shown<T: Display>(text: &str, parsed: Result<T, InvalidValue>) {
    same(text, parsed, |it| it.to_string());
}

/// A number may have been written with zeros in front; what is shown is read as the same.
fn number(text: &str) {
    match ProviderUserId::parse(text) {
        Ok(id) => assert_eq!(ProviderUserId::parse(&id.to_string()), Ok(id)),
        Err(error) => must_not_quote(&error),
    }
}

/// Windows follow one another without a gap.
fn window(parsed: Result<WindowPolicy, InvalidValue>) {
    match parsed {
        Ok(policy) => {
            let now = "2026-10-25T00:59:59Z".parse().unwrap();
            let window = policy.window_at(now);
            assert!(window.start <= now && now < window.end, "{window:?}");
            assert_eq!(policy.window_at(window.end).start, window.end);
        }
        Err(error) => must_not_quote(&error),
    }
}
