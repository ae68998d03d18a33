//! HTTPS: the certificate and its key, read at the start and again on request.
//!
//! TLS 1.2 and 1.3 by rustls, with the provider that outgoing requests use, too; no
//! client certificates; ALPN offers HTTP/1.1 only, which is what the listener speaks.
//!
//! Invariant: what is in use was whole and fitting. A certificate that cannot be read
//! or does not go with its key stops a start; at a reload it changes nothing.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, anyhow, ensure};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config;

pub mod expiry;

/// Longest PEM file: a chain of 100 certificates of 10 KiB.
const MAX_PEM_BYTES: u64 = 1 << 20;

/// The certificate in use, and where it comes from.
pub struct Tls {
    files: config::Tls,
    current: RwLock<Current>,
}

#[derive(Clone)]
struct Current {
    server: Arc<ServerConfig>,
    expires: Option<u64>,
}

impl Tls {
    /// Reads certificate and key.
    pub fn load(files: config::Tls) -> anyhow::Result<Self> {
        let current = RwLock::new(read(&files)?);
        Ok(Self { files, current })
    }

    /// Reads them again; new connections get the new certificate. After an error all
    /// goes on with the old one.
    pub fn reload(&self) -> anyhow::Result<()> {
        let read = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// When the certificate expires, in POSIX seconds; `None` when that cannot be read.
    pub fn expires(&self) -> Option<u64> {
        self.current().expires
    }

    /// For one new connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current().server)
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

fn read(files: &config::Tls) -> anyhow::Result<Current> {
    let pem = read_pem(&files.certificate).context("`tls.certificate`")?;
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
        let path = files.certificate.display();
        anyhow!(
            "`tls.certificate`: {path} is not PEM with certificates: expected the server's own, then those \
             between it and the root (often called fullchain.pem)"
        )
    })?;
    let pem = read_pem(&files.key).context("`tls.key`")?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let path = files.key.display();
        anyhow!("`tls.key`: {path} is not PEM with an unencrypted private key (often called privkey.pem)")
    })?;
    let expires = chain.first().and_then(|certificate| expiry::not_after(certificate));
    let mut server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| {
            format!(
                "`tls`: {} and {} do not go together: give the key that the first certificate was made for",
                files.certificate.display(),
                files.key.display()
            )
        })?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Current { server: Arc::new(server), expires })
}

fn read_pem(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}: check the path, and that this user may read it", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(cannot)?;
    file.take(MAX_PEM_BYTES + 1).read_to_end(&mut bytes).with_context(cannot)?;
    ensure!(bytes.len() as u64 <= MAX_PEM_BYTES, "{} has more than {MAX_PEM_BYTES} bytes", path.display());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    fn files(directory: &TempDir) -> config::Tls {
        config::Tls { certificate: directory.path().join("c.pem"), key: directory.path().join("k.pem") }
    }

    fn certificate() -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
        (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
    }

    #[test]
    fn bad_files_are_refused_with_what_to_do() {
        let directory = tempfile::tempdir().expect("a directory");
        let files = files(&directory);
        let error = || format!("{:#}", Tls::load(files.clone()).expect_err("refused"));
        let ((certificate, key), (_, other)) = (certificate(), certificate());
        assert!(error().contains("`tls.certificate`: cannot read") && error().contains("check the path"));
        fs::write(&files.certificate, "no PEM").expect("written");
        assert!(error().contains("fullchain.pem"), "{}", error());
        fs::write(&files.certificate, &certificate).expect("written");
        assert!(error().contains("`tls.key`: cannot read"));
        fs::write(&files.key, &certificate).expect("written");
        assert!(error().contains("privkey.pem"), "{}", error());
        fs::write(&files.key, other).expect("written");
        assert!(error().contains("do not go together"), "{}", error());
        fs::write(&files.key, &key).expect("written");
        let tls = Tls::load(files.clone()).expect("they go together");

        let before = tls.current().server;
        fs::write(&files.certificate, "half").expect("written");
        tls.reload().expect_err("not whole");
        assert!(Arc::ptr_eq(&before, &tls.current().server), "the old one is in use");
        fs::write(&files.certificate, certificate).expect("written");
        tls.reload().expect("whole again");
        assert!(!Arc::ptr_eq(&before, &tls.current().server));
    }
}
