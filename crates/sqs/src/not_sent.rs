use std::error::Error;

use aws_smithy_runtime_api::client::result::ConnectorError;

/// The call did not leave: no connection came about.
#[derive(Debug, thiserror::Error)]
#[error("no connection was made")]
pub(crate) struct NotSent(#[source] pub(crate) hyper_util::client::legacy::Error);

/// Whether an error of the SDK says that its call did not leave.
pub(crate) fn was_not_sent(error: &ConnectorError) -> bool {
    error.source().is_some_and(<dyn Error>::is::<NotSent>)
}
