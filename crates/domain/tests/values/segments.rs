use lemon_domain::values::{Place, Segment, Sums, Turn, UserId, fingerprint};

fn place(user: i64, seat: u32, units: u32) -> Place {
    Place {
        holder: Turn {
            user: UserId::new(user),
            number: 1,
        }
        .holder(),
        seat,
        units,
        at: "2026-11-23T03:00:00Z".parse().unwrap(),
    }
}

/// `printf 7:1:3:2 | sha1sum | cut -c1-12`: others compute it too, so it must never change.
#[test]
fn a_fingerprint_is_the_beginning_of_a_sha1() {
    let Place {
        holder,
        seat,
        units,
        ..
    } = place(7, 3, 2);
    assert_eq!(fingerprint(&holder, seat, units), 2_296_923_280_399);
}

#[test]
fn segments_divide_the_seats() {
    for (seat, segment) in [(1, 0), (1024, 0), (1025, 1), (u32::MAX, 4_194_303)] {
        assert_eq!(Segment::of(seat), Segment::new(segment));
        assert!(Segment::new(segment).seats().contains(&seat));
    }
    assert_eq!(Segment::new(1).seats(), 1025..=2048);
    assert_eq!(*Segment::new(4_194_303).seats().end(), u32::MAX);
}

#[test]
fn adding_and_removing_a_place_leaves_the_sums_unchanged() {
    let places = [place(1, 1, 1), place(2, 5, 3), place(-3, 1024, 7)];
    let before = Sums::of(&places);
    let mut sums = before;
    for user in 100..300 {
        sums.add(&place(user, 9, u32::MAX));
    }
    assert!(sums.fingerprint < Sums::MODULUS);
    for user in (100..300).rev() {
        sums.remove(&place(user, 9, u32::MAX));
    }
    assert_eq!(sums, before);
    for place in &places {
        sums.remove(place);
    }
    assert_eq!(sums, Sums::default());
}
