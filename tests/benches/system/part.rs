use std::{any::Any, panic::AssertUnwindSafe};

use anyhow::{anyhow, ensure};
use futures::{FutureExt, future::LocalBoxFuture};

use crate::figures::Figures;

/// Figures that belong together.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) measure: for<'a> fn(&'a mut Figures) -> LocalBoxFuture<'a, anyhow::Result<()>>,
}

impl Part {
    /// Measures it. What goes wrong costs the rest of this part, and is told with the figures.
    pub(crate) async fn run(&self, figures: &mut Figures) {
        println!("measuring: {}", self.name);
        let measured = AssertUnwindSafe((self.measure)(figures)).catch_unwind();
        let failure = match measured.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(panic) => anyhow!(message(&*panic).to_owned()),
        };
        figures.failed(self.name, &failure);
    }
}

/// Those that are asked for by name, or all.
pub(crate) fn chosen<'a>(
    parts: &'a [Part],
    asked: &[String],
) -> anyhow::Result<impl Iterator<Item = &'a Part>> {
    let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
    for name in asked {
        ensure!(
            names.contains(&name.as_str()),
            "there is no part {name}: there are {}",
            names.join(", ")
        );
    }
    let asked = asked.to_vec();
    Ok(parts
        .iter()
        .filter(move |part| asked.is_empty() || asked.iter().any(|name| name == part.name)))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic")
}
