//! Certificates and keys of a NATS server and its clients.
use anyhow::Context;
use bus::clock::{Clock, SystemClock};
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa};
use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// An authority (`ca.pem`) that only these tests trust, and a certificate of this machine (`server.pem`, `server.key`).
#[derive(Debug)]
pub struct Secrets(TempDir);

impl Secrets {
    /// New ones.
    ///
    /// # Errors
    /// They can't be made, or not be written.
    pub fn make() -> anyhow::Result<Self> {
        Self::make_with(|_| {})
    }

    /// New ones, whose certificate of this machine holds from so many seconds from now on until so many.
    ///
    /// # Errors
    /// They can't be made, or not be written.
    pub fn holding(seconds: Range<i64>) -> anyhow::Result<Self> {
        let at = |second: i64| {
            let at = SystemClock.now().plus_seconds(second).micros() / 1_000_000;
            anyhow::Ok(rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(at.try_into()?))
        };
        let (from, until) = (at(seconds.start)?, at(seconds.end)?);
        Self::make_with(|server| (server.not_before, server.not_after) = (from, until))
    }

    fn make_with(change: impl FnOnce(&mut CertificateParams)) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for secrets")?;
        let mut authority = CertificateParams::new(vec![])?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, rcgen::KeyPair::generate()?)?;
        let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut server);
        let key = rcgen::KeyPair::generate()?;
        let certificate = server.signed_by(&key, &authority)?;
        fs::write(folder.path().join("ca.pem"), authority.pem())?;
        fs::write(folder.path().join("server.pem"), certificate.pem())?;
        fs::write(folder.path().join("server.key"), key.serialize_pem())?;
        Ok(Self(folder))
    }

    /// The file of that name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Makes a client's key: its seed is in `NAME.nk`, and this is its public part.
    ///
    /// # Errors
    /// It can't be written.
    pub fn nkey(&self, name: &str) -> anyhow::Result<String> {
        let pair = KeyPair::new_user();
        let seed = pair.seed().map_err(|error| anyhow::anyhow!(error))?;
        fs::write(self.path(&format!("{name}.nk")), seed + "\n")?;
        Ok(pair.public_key())
    }
}
