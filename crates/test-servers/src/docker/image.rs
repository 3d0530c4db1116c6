use std::{env, time::Duration};

use futures::StreamExt;
use testcontainers_modules::testcontainers::bollard::{
    Docker, query_parameters::CreateImageOptionsBuilder,
};
use tokio::time::timeout;

/// The longest time without news from a registry.
const SILENCE: Duration = Duration::from_secs(15);

/// The image of a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct TestImage {
    /// The variable that names another image, as `name:tag`.
    pub(super) variable: &'static str,
    /// The default image.
    pub(super) default: &'static str,
    /// The stand-in that `cargo xtask images` makes, for engines without access to a registry.
    pub(super) stand_in: &'static str,
}

/// The parts of `name:tag`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) tag: String,
}

impl TestImage {
    /// An image that the engine has: the configured one; otherwise the default, or its stand-in if only that exists. A
    /// missing image is pulled.
    pub(super) async fn get(self, docker: &Docker) -> Result<Reference, String> {
        let configured = env::var(self.variable).ok();
        let wanted = configured.as_deref().unwrap_or(self.default);
        let reference = Reference::parse(wanted)
            .ok_or_else(|| format!("{} is {wanted:?}, not name:tag", self.variable))?;
        if docker.inspect_image(wanted).await.is_ok() {
            return Ok(reference);
        }
        if configured.is_none() && docker.inspect_image(self.stand_in).await.is_ok() {
            return Reference::parse(self.stand_in).ok_or_else(|| self.stand_in.to_owned());
        }
        pull(docker, wanted).await?;
        Ok(reference)
    }
}

impl Reference {
    fn parse(text: &str) -> Option<Self> {
        // A colon before a slash belongs to the registry's port.
        let (name, tag) = text.rsplit_once(':').filter(|(name, tag)| {
            let parts = [name, tag];
            !tag.contains('/') && parts.iter().all(|part| !part.is_empty())
        })?;
        Some(Self {
            name: name.to_owned(),
            tag: tag.to_owned(),
        })
    }
}

async fn pull(docker: &Docker, image: &str) -> Result<(), String> {
    let options = CreateImageOptionsBuilder::new().from_image(image).build();
    let mut progress = docker.create_image(Some(options), None, None);
    let fault = |fault: String| format!("the image {image} is not available: {fault}");
    loop {
        match timeout(SILENCE, progress.next()).await {
            Err(_) => return Err(fault("its registry does not answer".to_owned())),
            Ok(Some(Err(error))) => return Err(fault(error.to_string())),
            Ok(Some(Ok(_))) => {}
            Ok(None) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_a_name_and_a_tag() {
        let parsed = |text| Reference::parse(text).map(|found| (found.name, found.tag));
        let pair = |name: &str, tag: &str| Some((name.to_owned(), tag.to_owned()));
        assert_eq!(parsed("redis:8"), pair("redis", "8"));
        assert_eq!(
            parsed("host:5000/a/redis:8"),
            pair("host:5000/a/redis", "8")
        );
        for wrong in ["redis", "host:5000/redis", "redis:", ":8", ""] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
