use serde::Serialize;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum FaultKind {
    /// The person withdraws the application's access, once.
    #[serde(rename = "revoke")]
    Revoke,
    /// The limit is reached, and resets after some seconds.
    #[serde(rename = "429")]
    RateLimited,
    /// The application's credits have run out.
    #[serde(rename = "402")]
    NoCredits,
    /// The application's access level is too low: code 453.
    #[serde(rename = "453")]
    AccessLevel,
    /// The account is locked.
    #[serde(rename = "locked")]
    Locked,
    /// The account is suspended.
    #[serde(rename = "suspended")]
    Suspended,
    /// A proxy on the way answers 403, with a page.
    #[serde(rename = "html_403")]
    ForbiddenPage,
    /// Twitter fails.
    #[serde(rename = "503")]
    Unavailable,
    /// The answer takes some seconds.
    #[serde(rename = "slow")]
    Slow,
    /// The connection breaks in the middle of the answer.
    #[serde(rename = "broken")]
    Broken,
}

impl FaultKind {
    pub(crate) const ALL: [Self; 10] = [
        Self::Revoke,
        Self::RateLimited,
        Self::NoCredits,
        Self::AccessLevel,
        Self::Locked,
        Self::Suspended,
        Self::ForbiddenPage,
        Self::Unavailable,
        Self::Slow,
        Self::Broken,
    ];

    /// The fault with a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
            Self::RateLimited => "429",
            Self::NoCredits => "402",
            Self::AccessLevel => "453",
            Self::Locked => "locked",
            Self::Suspended => "suspended",
            Self::ForbiddenPage => "html_403",
            Self::Unavailable => "503",
            Self::Slow => "slow",
            Self::Broken => "broken",
        }
    }

    /// What it is, in English and Korean.
    pub(crate) const fn explanation(self) -> (&'static str, &'static str) {
        match self {
            Self::Revoke => (
                "the person withdraws the app's access",
                "사용자가 앱의 접근을 취소함",
            ),
            Self::RateLimited => (
                "the limit is reached, and resets after the seconds below",
                "호출 한도에 도달함 (아래 초가 지나면 풀림)",
            ),
            Self::NoCredits => ("the app's credits have run out", "앱의 크레딧이 떨어짐"),
            Self::AccessLevel => (
                "the app's access level is too low",
                "앱의 접근 등급이 너무 낮음",
            ),
            Self::Locked => ("the account is locked", "계정이 잠김"),
            Self::Suspended => ("the account is suspended", "계정이 정지됨"),
            Self::ForbiddenPage => (
                "a proxy on the way forbids the call, with a page",
                "중간의 프록시가 HTML로 거절함",
            ),
            Self::Unavailable => ("Twitter fails", "트위터 장애"),
            Self::Slow => (
                "the answer takes the seconds below",
                "응답이 아래 초만큼 늦음",
            ),
            Self::Broken => (
                "the connection breaks in the middle of the answer",
                "응답 도중에 연결이 끊김",
            ),
        }
    }
}

/// The calls that a fault affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AffectedCalls {
    All,
    RequestToken,
    AccessToken,
    Profile,
    Tweets,
    PostTweet,
    Revoke,
}

impl AffectedCalls {
    pub(crate) const ALL: [Self; 7] = [
        Self::All,
        Self::RequestToken,
        Self::AccessToken,
        Self::Profile,
        Self::Tweets,
        Self::PostTweet,
        Self::Revoke,
    ];

    /// The calls with a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|calls| calls.as_str() == name)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::RequestToken => "request_token",
            Self::AccessToken => "access_token",
            Self::Profile => "profile",
            Self::Tweets => "tweets",
            Self::PostTweet => "post_tweet",
            Self::Revoke => "revoke",
        }
    }

    /// Whether the call with a path is one of these.
    pub(super) fn include(self, path: &str) -> bool {
        let call = match path {
            "/oauth/request_token" => Self::RequestToken,
            "/oauth/access_token" => Self::AccessToken,
            "/2/users/me" | "/1.1/account/verify_credentials.json" => Self::Profile,
            "/2/tweets" => Self::PostTweet,
            "/1.1/oauth/invalidate_token" => Self::Revoke,
            _ if path.starts_with("/2/users/") => Self::Tweets,
            _ => return false,
        };
        self == Self::All || self == call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_shown() {
        for kind in FaultKind::ALL {
            assert_eq!(FaultKind::named(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for calls in AffectedCalls::ALL {
            assert_eq!(AffectedCalls::named(calls.as_str()), Some(calls));
            assert_eq!(serde_json::to_value(calls).unwrap(), calls.as_str());
        }
    }
}
