use std::error::Error;

use aws_smithy_runtime_api::client::result::ConnectorError;

/// The call was not sent: no connection was made.
#[derive(Debug, thiserror::Error)]
#[error("no connection was made")]
pub(crate) struct NotSent(#[source] pub(crate) hyper_util::client::legacy::Error);

/// Tells whether an error of the SDK means that its call was not sent.
pub(crate) fn was_not_sent(error: &ConnectorError) -> bool {
    error.source().is_some_and(<dyn Error>::is::<NotSent>)
}
