use super::{
    EgressError,
    space::{Reach, plain, reach},
};
use ipnet::IpNet;
use reqwest::Url;
use std::net::IpAddr;
use url::Host;

/// Which addresses may be asked. As it is made: those of the Internet, by https.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Private networks that may be asked too. Loopback, link-local addresses and the metadata services of clouds are
    /// in none of them, whatever is written here.
    pub allow: Vec<IpNet>,
    /// Everything may be asked, in clear too: for tests and demonstrations.
    pub insecure: bool,
}

impl Policy {
    /// Whether this address may be connected to.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = plain(address);
        self.insecure
            || match reach(address) {
                Reach::Public => true,
                Reach::Private => self.allow.iter().any(|network| network.contains(&address)),
                Reach::Closed => false,
            }
    }

    pub(super) fn check(&self, url: &Url) -> Result<(), EgressError> {
        if url.scheme() != "https" && !(self.insecure && url.scheme() == "http") {
            return Err(EgressError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::Credentials);
        }
        // The address is in its canonical form here: `https://0x7f.1/` is 127.0.0.1.
        let address = match url.host() {
            None | Some(Host::Domain("")) => return Err(EgressError::NoHost),
            // Judged where it is resolved.
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        if self.permits(address) { Ok(()) } else { Err(EgressError::Blocked { host: address.to_string() }) }
    }
}
