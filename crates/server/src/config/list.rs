use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

/// A list, which in the environment is one text with commas.
#[derive(Clone)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T> Deserialize<'de> for List<T>
where
    T: for<'a> From<&'a str>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts<T>(std::marker::PhantomData<T>);

        impl<'de, T: for<'a> From<&'a str>> Visitor<'de> for Texts<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, or a text with commas")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                let items = text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                Ok(List(items.map(T::from).collect()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<String>()? {
                    items.push(T::from(&item));
                }
                Ok(List(items))
            }
        }

        deserializer.deserialize_any(Texts(std::marker::PhantomData))
    }
}
