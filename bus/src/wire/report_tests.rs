use super::*;
use proptest::prelude::*;

fn health() -> Report {
    let condition = |severity, remedy| Condition {
        kind: "xid.fatal".parse().unwrap(),
        severity,
        remedy,
        reason: "XID 79: the GPU has fallen off the bus".into(),
        xid: Some(79),
        first_seen: Timestamp::from_micros(1),
        last_seen: Timestamp::from_micros(-2),
    };
    let severities = [Severity::Info, Severity::Warning, Severity::Critical, Severity::Fatal];
    let remedies = [
        Remedy::None,
        Remedy::RestartApp,
        Remedy::CheckApp,
        Remedy::ResetGpu,
        Remedy::DrainAndReset,
        Remedy::RebootNode,
        Remedy::ServiceRequired,
        Remedy::Operator,
    ];
    let raised = severities.into_iter().flat_map(|s| remedies.map(|r| condition(s, r))).collect();
    let finding = Finding {
        device: DeviceId::from_uuid(Uuid::from_u128(7)),
        readable: true,
        raised,
        cleared: vec!["row_remap.pending".parse().unwrap()],
    };
    Report::new(origin(), Content::Health { findings: vec![finding] })
}

fn inventory(devices: u8) -> Report {
    let seen = |bus| Seen {
        device: DeviceId::from_uuid(Uuid::from_u128(bus)),
        slot: Slot { domain: 0, bus: u8::try_from(bus).unwrap(), device: 31, function: 7 },
        model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
        memory_bytes: 80 << 30,
        instances: vec![],
    };
    let facts = Facts {
        boot_id: "b".into(),
        booted_at: Timestamp::from_micros(5),
        addresses: vec!["10.0.0.1".into(), "fd00::1".into()],
        os: "Debian".into(),
        kernel: "6.1".into(),
        cpus: 128,
        memory_bytes: 1 << 40,
        driver: "570.1".into(),
        agent: "0.1.0".into(),
    };
    Report::new(origin(), Content::Inventory { facts, devices: Some((0..devices.into()).map(seen).collect()) })
}

fn speaker() -> Speaker {
    Speaker { run: AgentRun(Uuid::from_u128(4)), boot_id: "b".into() }
}

fn origin() -> Origin {
    Origin {
        incarnation: Incarnation(Uuid::from_u128(3)),
        sequence: u64::MAX,
        observed_at: Timestamp::from_micros(1_772_366_400_000_001),
    }
}

#[test]
fn reports_come_back_as_they_were() {
    for report in [inventory(0), inventory(8), health()] {
        let report = Report { speaker: speaker(), settled: false, ..report };
        let bytes = report.encode().unwrap();
        assert_eq!(Report::decode(report.kind(), &bytes).unwrap(), report);
    }
}

#[test]
fn a_report_is_a_command_and_back() {
    let node: NodeName = "gpu-01.rack3".parse().unwrap();
    for report in [inventory(8), health()] {
        let command = report.clone().into_command(node.clone());
        assert_eq!(Report::from_command(command), Some((node.clone(), report)));
    }
    assert_eq!(Report::from_command(Command::Lose { node }), None);
}

#[test]
fn the_bytes_are_frozen() {
    let report = Report { speaker: speaker(), ..Report::new(origin(), Content::Health { findings: vec![] }) };
    let (incarnation, run) = (u128::to_be_bytes(3), u128::to_be_bytes(4));
    let sequence = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let observed_at = [0x82, 0xc0, 0xf8, 0xda, 0xa6, 0xfd, 0xa5, 0x06];
    let frozen = [&[1], &incarnation[..], &sequence, &observed_at, &run, &[1, b'b'], &[1], &[0]].concat();
    assert_eq!(report.encode().unwrap(), frozen);
}

#[test]
fn other_versions_and_sizes_are_refused() {
    let bytes = inventory(1).encode().unwrap();
    let mut newer = bytes.to_vec();
    newer[0] = 2;
    assert_eq!(Report::decode(Kind::Inventory, &newer), Err(WireError::Version(2)));
    assert_eq!(Report::decode(Kind::Inventory, &[]), Err(WireError::Malformed));
    let long = vec![1; REPORT_MAX + 1];
    assert!(matches!(Report::decode(Kind::Health, &long), Err(WireError::TooLarge { .. })));
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert_eq!(Report::decode(Kind::Inventory, &longer), Err(WireError::Malformed));
}

#[test]
fn too_much_is_not_sent() {
    let finding = |n| Finding {
        device: DeviceId::from_uuid(Uuid::from_u128(n)),
        readable: true,
        raised: vec![],
        cleared: vec!["row_remap.pending".parse().unwrap(); 32],
    };
    let report = Report::new(origin(), Content::Health { findings: (0..1000).map(finding).collect() });
    assert!(matches!(report.encode(), Err(WireError::TooLarge { .. })));
}

proptest! {
    #[test]
    fn mutated_bytes_never_panic(at in 0_usize..600, byte: u8, cut in 0_usize..600, kind: bool) {
        let kind = if kind { Kind::Health } else { Kind::Inventory };
        for report in [inventory(8), health()] {
            let mut bytes = report.encode().unwrap().to_vec();
            let at = 1 + at % (bytes.len() - 1);
            bytes[at] = byte;
            let _ = Report::decode(kind, &bytes);
            bytes.truncate(cut);
            let _ = Report::decode(kind, &bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
        bytes[0] = 1;
        for kind in [Kind::Inventory, Kind::Health] {
            if let Ok(report) = Report::decode(kind, &bytes) {
                prop_assert_eq!(Report::decode(kind, &report.encode().unwrap()).unwrap(), report);
            }
        }
    }
}
