use super::*;
use clap::{Args as _, FromArgMatches as _};

fn flags(arguments: &[&str]) -> Flags {
    let command = Flags::augment_args(clap::Command::new("dkube"));
    let matches = command.try_get_matches_from(std::iter::once(&"dkube").chain(arguments)).unwrap();
    Flags::from_arg_matches(&matches).unwrap()
}

fn load<const N: usize>(arguments: &[&str], variables: [(&str, &str); N]) -> Result<Settings, SettingsError> {
    Settings::load(&flags(arguments), &Environment::of(variables))
}

fn refused<const N: usize>(arguments: &[&str], variables: [(&str, &str); N]) -> String {
    load(arguments, variables).unwrap_err().to_string()
}

fn written(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn defaults() {
    let settings = load(&[], []).unwrap();
    assert_eq!(settings.data, Path::new("./dkube-data"));
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.operator_login.as_str(), "operator");
    assert_eq!(settings.snapshot_every, 250_000);
    assert_eq!(settings.requests_per_address, 128);
    assert_eq!((settings.nats, settings.simulate, settings.operator_password), (None, None, None));
    assert_eq!((settings.metrics_open, settings.cordon_new_devices, settings.insecure_listen), (false, false, false));
}

#[test]
fn flags_win_over_variables_over_the_file_over_defaults() {
    let file = written("listen = \"127.0.0.1:1\"\ndata = \"/file\"\nsimulate_seed = 7\nmetrics_open = true\n");
    let path = file.path().to_str().unwrap();
    let variables = [("DKUBE_LISTEN", "127.0.0.1:2"), ("DKUBE_DATA", "/variable"), ("DKUBE_CONFIG", path)];
    let settings = load(&["--listen", "127.0.0.1:3", "--metrics-open=false"], variables).unwrap();
    assert_eq!(settings.listen.port(), 3);
    assert_eq!(settings.data, Path::new("/variable"));
    assert_eq!(settings.simulate_seed, 7);
    assert!(!settings.metrics_open);
    let shown = settings.shown();
    let source = |name: &str| shown.iter().find(|shown| shown.name == name).unwrap().source.clone();
    assert_eq!(source("listen"), "--listen");
    assert_eq!(source("data"), "DKUBE_DATA");
    assert_eq!(source("simulate_seed"), format!("{path} line 3"));
    assert_eq!(source("log_level"), "default");
}

#[test]
fn a_switch_alone_is_on() {
    let settings = load(&["--cordon-new-devices", "--simulate", "4x8"], []).unwrap();
    assert!(settings.cordon_new_devices);
    assert_eq!(settings.simulate, Some(Fleet { nodes: 4, gpus: 8 }));
}

#[test]
fn an_empty_variable_is_not_set() {
    assert_eq!(load(&[], [("DKUBE_LISTEN", "")]).unwrap().listen.port(), 8080);
}

#[test]
fn what_is_wrong_in_the_file_is_named_with_its_line() {
    let wrong = |text: &str| {
        let file = written(text);
        let path = file.path().to_str().unwrap();
        refused(&["--config", path], []).replace(path, "FILE")
    };
    assert_eq!(wrong("\nlisen = \"x\"\n"), "there is no setting lisen (FILE line 2): did you mean listen?");
    assert_eq!(wrong("[nats]\nurl = \"x\"\n"), "nats is a text, in quotes (FILE line 1)");
    assert_eq!(wrong("metrics_open = \"true\""), "metrics_open is true or false, without quotes (FILE line 1)");
    assert_eq!(wrong("simulate_seed = 1.5"), "simulate_seed is a whole number, without quotes (FILE line 1)");
    assert_eq!(
        wrong("listen = \"8080\""),
        "wrong value \"8080\" for listen (from FILE line 1): invalid socket address syntax"
    );
    assert!(
        wrong("operator_password = \"hunter2!\"")
            .starts_with("operator_password is not taken from a file (FILE line 1)")
    );
    assert!(wrong("listen = \n").starts_with("FILE is not a TOML file:\nTOML parse error at line 1"));
    assert!(wrong("data = \"a\"\ndata = \"b\"\n").contains("duplicate key"));
}

#[test]
fn a_missing_file_is_an_error() {
    assert_eq!(refused(&["--config", "/nowhere/dkube.toml"], []), "cannot read the settings file /nowhere/dkube.toml");
    assert!(refused(&[], [("DKUBE_CONFIG", "/nowhere")]).contains("/nowhere"));
}

#[test]
fn wrong_values_name_their_source() {
    assert_eq!(
        refused(&[], [("DKUBE_SIMULATE", "4*8")]),
        "wrong value \"4*8\" for simulate (from DKUBE_SIMULATE): a fleet is 1 to 20000 nodes of 1 to 64 GPUs each, as 4x8"
    );
    assert!(
        refused(&["--operator-login", ".x"], []).contains("for operator_login (from --operator-login): a login is")
    );
    assert!(refused(&[], [("DKUBE_METRICS_OPEN", "yes")]).contains("metrics_open (from DKUBE_METRICS_OPEN)"));
    assert!(refused(&["--log-level", "loud"], []).contains("a level is error, warn"));
    assert!(refused(&["--public-url", "ftp://x"], []).contains("public_url (from --public-url)"));
}

#[test]
fn listening_in_clear_for_others_needs_saying_so() {
    let refusal = refused(&["--listen", "0.0.0.0:8080"], []);
    assert!(refusal.contains("is not loopback") && refusal.contains("insecure_listen"), "{refusal}");
    assert!(load(&["--listen", "0.0.0.0:8080", "--insecure-listen"], []).is_ok());
    assert!(load(&["--listen", "[::1]:8080"], []).is_ok());
}

#[test]
fn what_may_be_asked_is_the_internet_unless_it_is_said() {
    assert_eq!(load(&[], []).unwrap().egress, Policy::default());
    let settings = load(&["--egress-allow", "10.1.0.0/16"], [("DKUBE_INSECURE_EGRESS", "true")]).unwrap();
    assert_eq!(settings.egress, Policy { allow: vec!["10.1.0.0/16".parse().unwrap()], insecure: true });
    let refusal = refused(&[], [("DKUBE_EGRESS_ALLOW", "169.254.169.254")]);
    assert!(
        refusal.contains("egress_allow (from DKUBE_EGRESS_ALLOW)") && refusal.contains("stays closed"),
        "{refusal}"
    );
}

#[test]
fn the_password_is_never_shown() {
    let settings = load(&[], [("DKUBE_OPERATOR_PASSWORD", "correct horse")]).unwrap();
    assert_eq!(settings.operator_password.as_ref().map(Secret::reveal), Some("correct horse"));
    let shown = settings.shown().into_iter().find(|shown| shown.name == "operator_password").unwrap();
    assert_eq!((shown.value.as_deref(), shown.source.as_str()), (Some("set"), "DKUBE_OPERATOR_PASSWORD"));
    assert!(!format!("{settings:?}").contains("horse"));
    let refusal = refused(&[], [("DKUBE_OPERATOR_PASSWORD", "short")]);
    assert!(refusal.contains("12 to 128 characters") && !refusal.contains("short"), "{refusal}");
}

#[test]
fn the_password_may_come_from_a_file() {
    let file = written("correct horse\r\n");
    let path = file.path().to_str().unwrap();
    let settings = load(&["--operator-password-file", path], []).unwrap();
    assert_eq!(settings.operator_password.as_ref().map(Secret::reveal), Some("correct horse"));
    let both = [("DKUBE_OPERATOR_PASSWORD", "correct horse"), ("DKUBE_OPERATOR_PASSWORD_FILE", path)];
    assert!(refused(&[], both).contains("use one of them"));
}

#[test]
fn nats_elsewhere_needs_tls_and_credentials() {
    let file = written("seed");
    let path = file.path().to_str().unwrap();
    assert!(load(&["--nats", "nats://127.0.0.1:4222"], []).unwrap().nats.unwrap().tls.is_none());
    assert!(load(&["--nats", "nats://localhost"], []).is_ok());
    assert!(load(&["--nats", "nats://[::1]:4222"], []).is_ok());
    for lacking in [
        &["--nats", "nats://nats.example:4222"][..],
        &["--nats", "tls://nats.example:4222"],
        &["--nats", "nats://nats.example:4222", "--nats-credentials", path],
    ] {
        assert!(refused(lacking, []).contains("needs TLS"), "{lacking:?}");
    }
    let nats = load(&["--nats", "tls://nats.example", "--nats-nkey", path], []).unwrap().nats.unwrap();
    assert_eq!(nats.identity, Some(Identity::Nkey(path.into())));
    assert!(load(&["--nats", "tls://nats.example", "--nats-cert", path, "--nats-key", path], []).is_ok());
    assert!(load(&["--nats", "nats://nats.example", "--nats-insecure"], []).is_ok());
}

#[test]
fn nats_settings_that_do_not_go_together() {
    let file = written("seed");
    let path = file.path().to_str().unwrap();
    let local = "nats://127.0.0.1:4222";
    assert!(refused(&["--nats-ca", path], []).contains("nats is not set"));
    assert!(refused(&["--nats", local, "--nats-cert", path], []).contains("nats_key is missing"));
    assert!(
        refused(&["--nats", local, "--nats-credentials", path, "--nats-nkey", path], []).contains("use one of them")
    );
    assert!(refused(&["--nats", local, "--nats-ca", "/nowhere"], []).contains("cannot read /nowhere"));
    let refusal = refused(&["--nats", "nats://ada:hunter2@127.0.0.1"], []);
    assert!(refusal.contains("no password") && !refusal.contains("hunter2"), "{refusal}");
    for bad in ["127.0.0.1:4222", "http://127.0.0.1", "nats://", "nats://host/path"] {
        assert!(refused(&["--nats", bad], []).contains("an address is"), "{bad}");
    }
}
