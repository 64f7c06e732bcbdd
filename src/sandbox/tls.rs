//! TLS with certificates that are made at start and end with the process.
//!
//! A certificate authority of the sandbox's own signs one certificate for every name. Only the
//! authority's certificate leaves the process; both keys stay in memory. The authority is confined
//! to the names of the sandbox, so that trusting it opens nothing else.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use crate::model::ids::Timestamp;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// How long the certificates are valid, in days: longer than anybody lets a sandbox run.
const VALID_DAYS: i64 = 90;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not the name of a host.
    #[error(
        "`{0}` is not the name of a host: letters, digits, hyphens and dots are, without scheme and port"
    )]
    Name(String),
    /// The certificates cannot be made.
    #[error("the certificates cannot be made")]
    Make(#[from] rcgen::Error),
    /// The certificate and its key cannot be used.
    #[error("the certificate cannot be used")]
    Use(#[from] rustls::Error),
}

/// The certificates of a sandbox.
#[derive(Clone)]
pub struct Certificates {
    /// The certificate of the authority in PEM, for clients to trust. No key is in it.
    pub authority_pem: String,
    /// Speaks TLS with the certificate that the authority signed.
    pub acceptor: TlsAcceptor,
}

impl Certificates {
    /// Makes certificates that are valid at `now` for `localhost`, the addresses of loopback, and
    /// `names`, where `*.` stands for any one label. A star above a single label is left out: some
    /// clients do not take `*.localhost`, and others take no certificate that has it.
    ///
    /// # Errors
    /// When a name is none.
    pub fn make(names: &[String], now: Timestamp) -> Result<Self, TlsError> {
        for name in names {
            check_name(name.strip_prefix("*.").unwrap_or(name))?;
        }
        let usual = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let names = usual.into_iter().chain(names.iter().cloned());
        let taken = |name: &String| name.strip_prefix("*.").is_none_or(|rest| rest.contains('.'));
        let names: BTreeSet<String> = names.filter(taken).collect();
        let authority = authority(&names, now)?;
        let key = KeyPair::generate()?;
        let mut leaf = dated(CertificateParams::new(Vec::from_iter(names))?, now);
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let leaf = leaf.signed_by(&key, &authority)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { authority_pem: authority.pem(), acceptor })
    }
}

fn authority(
    names: &BTreeSet<String>,
    now: Timestamp,
) -> Result<CertifiedIssuer<'static, KeyPair>, TlsError> {
    let mut params = dated(CertificateParams::default(), now);
    // Of two authorities with one name, clients may try the wrong one.
    let mark: String = Uuid::new_v4().simple().to_string().chars().take(8).collect();
    let name = format!("sharefile-provisioner sandbox {mark}");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let permitted = names.iter().map(|name| match name.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() && address.is_ipv4() => {
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8))
        }
        Ok(address) => {
            let prefix = if address.is_ipv4() { 32 } else { 128 };
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, prefix))
        }
        Err(_) => GeneralSubtree::DnsName(name.trim_start_matches("*.").to_owned()),
    });
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: permitted.collect(),
        excluded_subtrees: Vec::new(),
    });
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

/// Lets a certificate be valid from a day ago, since clocks differ.
fn dated(mut params: CertificateParams, now: Timestamp) -> CertificateParams {
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (end, at) in [
        (&mut params.not_before, now.plus_ms(-DAY_MS)),
        (&mut params.not_after, now.plus_ms(VALID_DAYS * DAY_MS)),
    ] {
        let date = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        let date = date.to_zoned(jiff::tz::TimeZone::UTC).date();
        let number = |value: i8| u8::try_from(value).unwrap_or(1);
        let (month, day) = (number(date.month()), number(date.day()));
        *end = rcgen::date_time_ymd(i32::from(date.year()), month, day);
    }
    params
}

/// Refuses what is neither the name of a host nor an address.
///
/// # Errors
/// With the name.
pub fn check_name(name: &str) -> Result<(), TlsError> {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Ok(());
    }
    let label = |label: &str| {
        let fits = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && fits && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        Ok(())
    } else {
        Err(TlsError::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_are_told_from_addresses_of_pages() {
        for name in ["localhost", "graph.example.test", "127.0.0.1", "::1", "xn--bcher-kva.test"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "https://graph.test", "graph.test:443", "a..b", "-a.test", "gräph.test"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_authority_shows_its_certificate_and_no_key() {
        let names = ["graph.example.test".to_owned(), "*.files.example.test".to_owned()];
        let made = Certificates::make(&names, Timestamp(1_790_000_000_000)).unwrap();
        assert_eq!(made.authority_pem.matches("-----BEGIN").count(), 1);
        assert!(made.authority_pem.starts_with("-----BEGIN CERTIFICATE-----"));
        let (_, pem) = x509_parser::pem::parse_x509_pem(made.authority_pem.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        assert!(certificate.is_ca());
        let constraints = certificate.name_constraints().unwrap().expect("constraints");
        let permitted = format!("{:?}", constraints.value.permitted_subtrees);
        assert!(permitted.contains("graph.example.test"), "{permitted}");
        assert!(permitted.contains("\"files.example.test"), "{permitted}");
        assert!(certificate.validity().not_after.timestamp() > 1_790_000_000 + 80 * 86_400);
    }
}
