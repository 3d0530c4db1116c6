use std::sync::Arc;

use crate::{
    ports::{IdSource, KeyUse, ResealedSecret, SealedSecrets, StoreError, StoredSecret},
    sealing::{SealingKeys, fresh_nonce},
};

/// How many secrets are re-sealed together: each portion is a short transaction, so that sign-ins need not wait.
const PORTION: u64 = 100;

/// The change of the store's keys, while replicas serve.
pub struct Resealing {
    /// What is sealed.
    pub secrets: Arc<dyn SealedSecrets>,
    /// The keys, the new one first.
    pub keys: Arc<SealingKeys>,
    /// For nonces.
    pub ids: Arc<dyn IdSource>,
}

/// The result of re-sealing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ResealReport {
    /// How many secrets have the first key now, and had another one before.
    pub resealed: u64,
    /// How many have another key, and do not open: their key is not in the list, or they were altered.
    pub unreadable: u64,
}

impl Resealing {
    /// What each key is used for.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn uses(&self) -> Result<Vec<KeyUse>, StoreError> {
        self.secrets.key_uses().await
    }

    /// Seals everything with the first key, in portions. If it is interrupted, it can be run again, and continues.
    ///
    /// A secret that a sign-in replaces meanwhile stays as that sign-in has stored it.
    ///
    /// # Errors
    /// If the store fails. What was re-sealed before stays so.
    pub async fn run(&self) -> Result<ResealReport, StoreError> {
        let mut report = ResealReport::default();
        loop {
            let pass = self.pass().await?;
            report.resealed += pass.resealed;
            report.unreadable = pass.unreadable;
            // Rows that others change meanwhile change places, and may be passed over.
            if pass.resealed == 0 {
                return Ok(report);
            }
        }
    }

    async fn pass(&self) -> Result<ResealReport, StoreError> {
        let mut report = ResealReport::default();
        for used in self.uses().await? {
            if used.key_id == self.keys.sealing_id() {
                continue;
            }
            if !self.keys.has(&used.key_id) {
                report.unreadable += used.accounts + used.sign_ins;
                continue;
            }
            let of_key = self.reseal_all_of(&used.key_id).await?;
            report.resealed += of_key.resealed;
            report.unreadable += of_key.unreadable;
        }
        Ok(report)
    }

    async fn reseal_all_of(&self, key_id: &str) -> Result<ResealReport, StoreError> {
        let mut report = ResealReport::default();
        let mut skip = 0;
        loop {
            let portion = self.secrets.sealed_with(key_id, skip, PORTION).await?;
            if portion.is_empty() {
                return Ok(report);
            }
            let read = portion.len() as u64;
            let secrets: Vec<_> = portion
                .into_iter()
                .filter_map(|it| self.reseal(it))
                .collect();
            report.unreadable += read - secrets.len() as u64;
            let resealed = self.secrets.reseal(&secrets).await?;
            report.resealed += resealed;
            skip += read - resealed;
        }
    }

    /// The secret with the first key, if it opens.
    fn reseal(&self, stored: StoredSecret) -> Option<ResealedSecret> {
        let context = stored.owner.context();
        let secret = self.keys.open(context, &stored.sealed).ok()?;
        let fresh = self.keys.seal(context, &secret, fresh_nonce(&*self.ids));
        Some(ResealedSecret { stored, fresh })
    }
}
