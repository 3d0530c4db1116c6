use async_trait::async_trait;
use chrono::NaiveDateTime;
use secrecy::{ExposeSecret, SecretString};

use super::EarlierSystemError;

/// A person of the earlier system with all rows that name them. Nothing is checked yet.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlierPerson {
    /// Their number there; `None` for the rows that name nobody.
    pub id: Option<i64>,
    /// Whether the person is there, and not only rows that name them.
    pub is_there: bool,
    /// Their accounts at providers, by row number.
    pub accounts: Vec<EarlierAccount>,
    /// Their registrations, by row number. There may be several for one service.
    pub registrations: Vec<EarlierRegistration>,
}

/// An account of the earlier system, with its credentials in plain text.
#[derive(Debug, Clone)]
pub struct EarlierAccount {
    /// The number of the row.
    pub row: i64,
    /// The name of the provider.
    pub provider: Option<String>,
    /// The number of the person at the provider.
    pub provider_user_id: Option<i64>,
    /// The access token.
    pub token: Option<SecretString>,
    /// Its secret.
    pub secret: Option<SecretString>,
}

impl PartialEq for EarlierAccount {
    fn eq(&self, other: &Self) -> bool {
        let parts = |it: &Self| (it.row, it.provider.clone(), it.provider_user_id);
        let same = |a: &Option<SecretString>, b: &Option<SecretString>| {
            let [a, b] = [a, b].map(|it| it.as_ref().map(ExposeSecret::expose_secret));
            a == b
        };
        parts(self) == parts(other)
            && same(&self.token, &other.token)
            && same(&self.secret, &other.secret)
    }
}

/// A registration of the earlier system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierRegistration {
    /// The number of the row.
    pub row: i64,
    /// The name of the service.
    pub service: Option<String>,
    /// Whether the training has finished.
    pub ready: Option<bool>,
    /// Whether others may use the result.
    pub public: Option<bool>,
    /// When the person may use the service again.
    pub can_use_time: EarlierTime,
}

/// A time of the earlier system, on the clocks of its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierTime {
    /// It says none.
    Unknown,
    /// That time, to the microsecond, in the years 1 to 9999.
    At(NaiveDateTime),
    /// A time outside of those years.
    Beyond,
}

/// A picture of the earlier system at one moment, which is read once from its beginning to its end.
///
/// # Contract
/// 1. `next` answers the people in the order of their numbers, each once, at most `max` at a time, with all rows that name
///    them in the order of the rows' numbers. Rows that name nobody come first, as those of a person without a number.
/// 2. A number that only other rows name is answered as a person who is not there.
/// 3. Everything is of one moment: later changes do not show.
/// 4. After the last person `next` answers nothing, however often it is called.
/// 5. `highest_id` is at least each number up to `most` that a row names, and each that was given to somebody who has been
///    removed since, as far as the earlier system knows it.
/// 6. Values are answered as they are stored. Nothing is changed there.
#[async_trait]
pub trait ImportSource: Send + Sync + 'static {
    /// The next people, at most `max`.
    ///
    /// # Errors
    /// If the earlier system cannot be read. A new source begins again.
    async fn next(&self, max: u32) -> Result<Vec<EarlierPerson>, EarlierSystemError>;

    /// The highest number of a person that is not above `most`; `None` if there is none.
    ///
    /// # Errors
    /// If the earlier system cannot be read.
    async fn highest_id(&self, most: i64) -> Result<Option<i64>, EarlierSystemError>;
}
