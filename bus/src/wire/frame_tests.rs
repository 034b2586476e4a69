use super::*;
use proptest::prelude::*;

fn column(samples: u8) -> impl Strategy<Value = Column> {
    let field = prop::sample::select(Field::ALL);
    (field, any::<u64>(), any::<i64>(), prop::collection::vec(-5..5_i64, usize::from(samples))).prop_map(
        move |(field, missing, first, steps)| {
            // At least one sample is there: else there is no column.
            let missing = missing & mask(usize::from(samples)) & !1;
            let there = usize::from(samples) - missing.count_ones() as usize;
            let values = steps.iter().scan(first, |value, step| {
                *value = value.wrapping_add(*step);
                Some(*value)
            });
            Column { field, missing, values: values.take(there).collect() }
        },
    )
}

fn frame() -> impl Strategy<Value = Frame> {
    (1..=60_u8).prop_flat_map(|samples| {
        let device = (any::<u128>(), any::<u64>(), prop::collection::vec(column(samples), 0..6)).prop_map(
            move |(id, read, columns)| DeviceFrame {
                device: DeviceId::from_uuid(Uuid::from_u128(id)),
                slot: Slot { domain: 0, bus: 7, device: 0, function: 0 },
                index: Some(3),
                minor: None,
                read,
                columns,
                xids: vec![XidCount { code: 79, count: samples.into() }],
            },
        );
        let process =
            (any::<u128>(), any::<u32>(), prop::option::of(any::<u64>())).prop_map(|(id, pid, memory)| Process {
                device: DeviceId::from_uuid(Uuid::from_u128(id)),
                pid,
                started: 9,
                memory_bytes: memory,
                owner: match pid % 3 {
                    0 => ProcessOwner::Pod(Uuid::from_u128(id)),
                    1 => ProcessOwner::User("ada".into()),
                    _ => ProcessOwner::Unknown,
                },
            });
        let processes = prop::option::of(prop::collection::vec(process, 0..4));
        (prop::collection::vec(device, 0..4), processes, any::<u64>()).prop_map(
            move |(devices, processes, sequence)| Frame {
                node: "gpu-1.rack-2".parse().unwrap(),
                boot_id: "b".into(),
                run: AgentRun(Uuid::from_u128(sequence.into())),
                life: Incarnation(Uuid::from_u128(sequence.into())),
                within_millis: 10_000,
                sequence,
                sampled_at: Timestamp::from_micros(5),
                step_millis: 1000,
                samples,
                devices,
                processes,
            },
        )
    })
}

proptest! {
    #[test]
    fn a_frame_comes_back(frame in frame()) {
        let bytes = encode_frame(&frame).unwrap();
        prop_assert_eq!(decode_frame(&bytes), Ok(frame));
    }

    #[test]
    fn any_bytes_are_a_frame_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(decode_frame(&bytes));
        let versioned = [&[super::super::VERSION], &bytes[..]].concat();
        drop(decode_frame(&versioned));
    }

    #[test]
    fn a_changed_frame_is_a_frame_or_an_error(frame in frame(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = encode_frame(&frame).unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        drop(decode_frame(&bytes));
    }
}

#[test]
fn what_stands_still_costs_nothing() {
    let of = |values: Vec<i64>| Frame {
        node: "n".parse().unwrap(),
        boot_id: "b".into(),
        run: AgentRun(Uuid::nil()),
        life: Incarnation(Uuid::nil()),
        within_millis: 10_000,
        sequence: 0,
        sampled_at: Timestamp::default(),
        step_millis: 1000,
        samples: 60,
        devices: vec![DeviceFrame {
            device: DeviceId::from_uuid(Uuid::nil()),
            slot: Slot { domain: 0, bus: 7, device: 0, function: 0 },
            index: None,
            minor: None,
            read: mask(60),
            columns: vec![Column { field: Field::MemoryUsed, missing: 0, values }],
            xids: vec![],
        }],
        processes: None,
    };
    let still = encode_frame(&of(vec![80 << 30; 60])).unwrap().len();
    let moving = encode_frame(&of((0..60).map(|nth| (80 << 30) + nth % 3).collect())).unwrap().len();
    assert_eq!(moving - still, 59);
}

#[test]
fn a_field_of_a_later_release_is_left_out() {
    let unknown = ColumnV1 { field: u8::MAX, missing: 0, first: 1, differences: vec![] };
    assert_eq!(unknown.column(3), Ok(None));
    let short = ColumnV1 { field: 0, missing: 0, first: 1, differences: vec![1] };
    assert_eq!(short.column(3), Err(WireError::Malformed));
}
