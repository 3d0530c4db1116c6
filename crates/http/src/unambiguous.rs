use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Map, Value};

/// A JSON object that has no member twice. Of two members of one name, parsers take the first or the last (RFC 8259, section 4), so
/// that we and the workers could see two people in one token.
///
/// A list, which could be read as a struct as well, is none: claims are an object (RFC 7519, section 7.2).
pub(crate) struct UnambiguousObject(pub(crate) Map<String, Value>);

impl<'de> Deserialize<'de> for UnambiguousObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectMembers).map(Self)
    }
}

struct ObjectMembers;

impl<'de> Visitor<'de> for ObjectMembers {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = access.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member occurs twice"));
            }
        }
        Ok(members)
    }
}
