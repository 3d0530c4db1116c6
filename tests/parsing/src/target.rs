use crate::{addresses, answering, bodies, requests, secrets, tokens, values};

/// A parser of outside bytes, with what must hold of its answers.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is that of the folder with its corpus.
    pub name: &'static str,
    /// Gives it an input; panics where something does not hold.
    pub run: fn(&[u8]),
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 9] = [
        Self::new("addresses", addresses::addresses),
        Self::new("answers", answering::answers),
        Self::new("bodies", bodies::bodies),
        Self::new("receipts", bodies::receipts),
        Self::new("requests", requests::requests),
        Self::new("seals", secrets::seals),
        Self::new("tokens", tokens::tokens),
        Self::new("traces", values::traces),
        Self::new("values", values::values),
    ];

    const fn new(name: &'static str, run: fn(&[u8])) -> Self {
        Self { name, run }
    }
}
