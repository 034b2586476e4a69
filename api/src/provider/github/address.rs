use super::GitHub;
use reqwest::Url;

impl GitHub {
    /// An address of the site that people see.
    pub(super) fn site(&self, path: &[&str]) -> Url {
        under(self.base_url.clone(), path)
    }

    /// An address of its API. Where that is depends on where GitHub runs.
    pub(super) fn api(&self, path: &[&str]) -> Url {
        let host = self.base_url.host_str().unwrap_or_default();
        let hosted = host == "github.com" || host.ends_with(".ghe.com");
        let mut base = self.base_url.clone();
        if hosted && base.set_host(Some(&format!("api.{host}"))).is_ok() {
            return under(base, path);
        }
        under(under(base, &["api", "v3"]), path)
    }
}

/// Each part of the path is one, whatever it holds.
fn under(mut base: Url, path: &[&str]) -> Url {
    base.set_query(None);
    base.set_fragment(None);
    if let Ok(mut segments) = base.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    fn at(base: &str) -> GitHub {
        GitHub {
            organization: "acme".to_owned(),
            client_id: "id".to_owned(),
            client_secret: Secret::new("secret".to_owned()),
            directory_token: None,
            base_url: base.parse().unwrap(),
        }
    }

    #[test]
    fn the_api_is_where_github_has_it() {
        for (base, api) in [
            ("https://github.com", "https://api.github.com/user"),
            ("https://github.com/", "https://api.github.com/user"),
            ("https://acme.ghe.com", "https://api.acme.ghe.com/user"),
            ("https://git.acme.example", "https://git.acme.example/api/v3/user"),
            ("https://acme.example:8443/git/", "https://acme.example:8443/git/api/v3/user"),
            ("https://evilghe.com", "https://evilghe.com/api/v3/user"),
        ] {
            assert_eq!(at(base).api(&["user"]).as_str(), api, "{base}");
        }
        assert_eq!(at("https://github.com").site(&["login"]).as_str(), "https://github.com/login");
    }

    #[test]
    fn a_name_does_not_leave_its_place() {
        let of = |name: &str| at("https://github.com").api(&["orgs", name, "members"]);
        assert_eq!(of("a/../../user").path(), "/orgs/a%2F..%2F..%2Fuser/members");
        assert_eq!(of("a?b#c").path(), "/orgs/a%3Fb%23c/members");
    }
}
