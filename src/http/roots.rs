//! The certificates that the system trusts, read once for all clients of a process.
//!
//! Each client would read some three hundred files by itself, which is a good part of what a short
//! cycle costs.

use std::sync::OnceLock;

use reqwest::{Certificate, ClientBuilder};
use rustls::RootCertStore;

static TRUSTED: OnceLock<Vec<Certificate>> = OnceLock::new();

/// Lets a client trust what the system trusts, and `more` certificates in DER. A system that trusts
/// nobody is no error here: the first connection says which certificate is not trusted.
pub(super) fn with_trusted(
    builder: ClientBuilder,
    more: &[Vec<u8>],
) -> Result<ClientBuilder, reqwest::Error> {
    let trusted = TRUSTED.get_or_init(read);
    let mut builder = builder.tls_built_in_root_certs(false);
    for certificate in trusted {
        builder = builder.add_root_certificate(certificate.clone());
    }
    for der in more {
        builder = builder.add_root_certificate(Certificate::from_der(der)?);
    }
    Ok(builder)
}

/// Reads where the system keeps them, or where `SSL_CERT_FILE` and `SSL_CERT_DIR` say. Files that
/// cannot be read and certificates that make no sense are left out, as there are some on most
/// systems.
fn read() -> Vec<Certificate> {
    let loaded = rustls_native_certs::load_native_certs();
    for problem in &loaded.errors {
        tracing::debug!("a trusted certificate cannot be read: {problem}");
    }
    let sensible = |der: &rustls_pki_types::CertificateDer<'_>| {
        RootCertStore::empty().add(der.clone().into_owned()).is_ok()
    };
    let sensible = loaded.certs.iter().filter(|der| sensible(der));
    sensible.filter_map(|der| Certificate::from_der(der).ok()).collect()
}
