use lemon_domain::sealing::{SealContext, Sealed, SealingKey, SealingKeys};
use uuid::Uuid;

/// A body as the file of the embedded queues has it: sealed with a key of the configuration, for the id of its message.
#[must_use]
pub fn sealed_body(key: &str, id: Uuid, body: &str) -> Sealed {
    let key = SealingKey::parse(&key.into()).expect("a sealing key");
    let keys = SealingKeys::new(vec![key]).expect("one key");
    // The id is there once, and so is the nonce.
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(id.as_bytes());
    keys.seal(SealContext::MessageBody(id), &body.into(), nonce)
}
