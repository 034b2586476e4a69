use super::*;

#[test]
fn the_built_in_policy_keeps_the_bounds_of_the_domain() {
    let policy = Policy::parse(Policy::BUILT_IN).unwrap();
    assert_eq!(policy, *Policy::built_in());
    assert!(policy.kinds.len() <= Policy::KINDS_MAX);
    for (kind, lines) in &policy.kinds {
        let worst = lines.iter().map(|line| line.severity).max();
        assert_eq!(worst, lines.first().map(|line| line.severity), "{kind}: the first line is the worst");
    }
}

#[test]
fn two_policies_of_one_version_are_told_apart() {
    let changed = Policy::parse(&Policy::BUILT_IN.replace("hung_s = 15", "hung_s = 16")).unwrap();
    let (built_in, changed) = (Policy::built_in().name(), changed.name());
    assert_ne!(built_in, changed);
    let hash = blake3::hash(Policy::BUILT_IN.as_bytes()).to_string();
    assert_eq!(built_in, format!("1 ({})", &hash[..8]));
}

#[test]
fn the_catalogues_buckets_are_followed() {
    let policy = Policy::built_in();
    let worst = |code: u32| {
        let lines = policy.kinds.values().flatten();
        let of_code = lines.filter(|line| matches!(&line.test, Test::Xid { codes, .. } if codes.contains(&code)));
        of_code.map(|line| line.severity).max()
    };
    for code in [46, 48, 62, 64, 74, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158] {
        assert_eq!(worst(code), Some(Severity::Critical), "XID {code} needs a reset");
    }
    assert_eq!(worst(79), Some(Severity::Fatal));
    assert_eq!((worst(94), worst(92)), (Some(Severity::Warning), Some(Severity::Warning)));
    let of_application = (8..=139).filter(|code| policy.is_only_counted(*code));
    assert!(of_application.clone().any(|code| code == 13) && of_application.clone().any(|code| code == 45));
    for code in [8, 11, 13, 25, 31, 32, 39, 40, 41, 43, 45, 60, 63, 68, 69, 80, 100, 126, 139, 66, 93, 121, 137] {
        assert!(policy.is_only_counted(code), "XID {code} is counted, and no condition");
    }
    assert!(!policy.knows(173));
}

fn broken(from: &str, to: &str) -> String {
    assert!(Policy::BUILT_IN.contains(from), "{from}");
    Policy::parse(&Policy::BUILT_IN.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn a_wrong_policy_says_where_it_is_wrong() {
    assert!(broken("version = 1", "version = 1\nnonsense = 2").contains("nonsense"));
    let wrong = broken("signal = \"lost\"", "signal = \"found\"");
    assert_eq!(wrong, "the health policy, [[condition]] gpu.lost of found: there is no signal \"found\"");
    assert!(broken("is = [4]", "is = [4]\nat_least = 1").contains("one of at_least, is and is_not"));
    assert!(broken("minutes = [3, 5]", "minutes = [6, 5]").contains("no more held than of"));
    assert!(broken("minutes = [3, 5]", "minutes = [3, 5]\nfor_s = 1").contains("either for_s or minutes"));
    assert!(broken("minutes = [3, 5]", "minutes = [3, 61]").contains("at most 60"));
    assert!(broken("clear_below = -5", "clear_below = 5").contains("at most at_least"));
    assert!(broken("until = \"boot\"", "keep_s = 3\nuntil = \"boot\"").contains("[[xid]] gpu.lost: says either"));
    assert!(broken("kind = \"gpu.lost\"", "kind = \"Lost\"").contains("Lost"));
    assert!(broken("severity = \"fatal\"", "severity = \"grave\"").contains("grave"));
    assert!(broken("times = 5", "times = 0").contains("count from 1 to 32"));
    assert!(broken("8 = \"the", "x8 = \"the").contains("is no code"));
    let line =
        |n| format!("[[xid]]\nkind = \"a.b{n}\"\ncodes = [1]\nseverity = \"info\"\nremedy = \"none\"\nkeep_s = 1\n");
    let many = (0..40).map(line).collect::<Vec<_>>().concat();
    let names = Policy::BUILT_IN.find("[names]").unwrap();
    let text = format!("{}{many}{}", &Policy::BUILT_IN[..names], &Policy::BUILT_IN[names..]);
    assert!(Policy::parse(&text).unwrap_err().to_string().contains("at most 32 kinds"));
}

#[test]
fn every_signal_is_named_once_and_used_or_of_use() {
    let names: BTreeSet<String> = Signal::all().map(|signal| signal.to_string()).collect();
    assert_eq!(names.len(), Signal::all().count());
    let policy = Policy::built_in();
    let used = |signal: &Signal| {
        policy
            .kinds
            .values()
            .flatten()
            .any(|line| matches!(&line.test, Test::Level { signal: own, .. } if own == signal))
    };
    let unused: Vec<_> = Signal::all().filter(|signal| !used(signal)).map(|signal| signal.to_string()).collect();
    // No credible rate is published, and some sound GPUs tell no useful margin.
    let known = [
        "ecc.corrected_per_minute",
        "temperature.beyond_slowdown_margin",
        "nvlink5.recoveries_per_minute",
        "nvlink5.failed_recoveries_per_minute",
        "nvlink5.effective_errors_per_minute",
        "nvlink5.worst_bit_error_rate",
    ];
    assert_eq!(unused, known);
}

#[test]
fn registers_are_those_that_there_are_and_of_some_models() {
    let line = |rest: &str| {
        let text = Policy::BUILT_IN.replacen(
            "\n[[xid]]\n",
            &format!("\n[[xid]]\nkind = \"a.b\"\ncodes = [74]\nseverity = \"info\"\nremedy = \"none\"\nuntil = \"boot\"\n{rest}\n\n[[xid]]\n"),
            1,
        );
        Policy::parse(&text).map(|_| ()).map_err(|error| error.to_string())
    };
    let models = "models = [\"H100\"]";
    assert_eq!(line(&format!("{models}\nbits = {{ 7 = [31] }}")), Ok(()));
    for (rest, wrong) in [
        (format!("{models}\nbits = {{ 8 = [0] }}"), "registers are 1 to 7"),
        (format!("{models}\nbeyond = {{ 0 = [0] }}"), "registers are 1 to 7"),
        (format!("{models}\nbits = {{ 1 = [32] }}"), "bits are 0 to 31"),
        (format!("{models}\nbits = {{ 1 = [1] }}\ndetail = \"Fatal\""), "one of detail, bits and beyond"),
        ("bits = { 1 = [1] }".to_owned(), "models go together"),
        (models.to_owned(), "models go together"),
    ] {
        let error = line(&rest).unwrap_err();
        assert!(error.contains("[[xid]] a.b") && error.contains(wrong), "{error}");
    }
}
