//! The statements of the database do what the rules of the simulation say.

use std::fmt::Write as _;
use std::time::Duration;

use easemob_admin_api::transport::limit::schedule::{Answer, Wish};
use easemob_admin_api::{AppRoot, Lane, RateLimit};
use fastrand::Rng;

use super::rules::{Ask, Given, Row, part};
use super::{PgBudget, PgSchedule, micros};
use crate::cluster::TestDatabase;
use crate::database::Database;
use crate::password::PasswordSource;

/// A pool of a real database, whose row and workers the test sets.
struct Compared {
    database: TestDatabase,
    schedule: PgSchedule,
    server: i64,
}

impl Compared {
    fn open() -> Option<Self> {
        let database = TestDatabase::create()?;
        Database::migrate(&database.address(), &PasswordSource::Nothing).unwrap();
        let opened = Database::open(&database.address(), &PasswordSource::Nothing).unwrap();
        let app = AppRoot::parse("https://im.example.com/acme/chat").unwrap();
        let schedule = PgBudget::in_database(opened)
            .pool(&app, "accounts", RateLimit::unlimited())
            .unwrap();
        let this = Self {
            schedule,
            server: 0,
            database,
        };
        // The first question enters the pool.
        this.ask(Wish {
            slots: 1,
            lane: Lane::Bulk,
        });
        let server = this
            .database
            .run("SELECT server_us::text FROM easemob_admin.budget")[0]
            .parse()
            .unwrap();
        Some(Self { server, ..this })
    }

    fn ask(&self, wish: Wish) -> Answer {
        let schedule = self.schedule.clone();
        let calling = self.schedule.shared.sessions.database().calling();
        calling.wait(async move { schedule.ask(wish).await }).unwrap()
    }

    /// Sets the row, with times in microseconds from now.
    fn set(&self, row: Row, credit: f64, others: &[(&str, i32)]) {
        let Row {
            rate,
            tat,
            slow_until,
            factor,
            factor_at,
            server,
        } = row;
        let now = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
        let worker = self.schedule.shared.sessions.worker().to_owned();
        let mut sql = format!(
            "UPDATE easemob_admin.budget SET rate = {rate}, tat_us = {now} + {tat}, slow_until_us = {now} + {slow_until}, \
             factor = {factor}, factor_us = {now} + {factor_at}, server_us = {server}; \
             DELETE FROM easemob_admin.budget_worker WHERE worker <> '{worker}'; \
             UPDATE easemob_admin.budget_worker SET credit = {credit};"
        );
        for (number, (run, weight)) in others.iter().enumerate() {
            // Others who have asked for nothing for a while do not count.
            for (worker, weight, ago) in [("w", *weight, 0), ("gone", 9, 1_500_000)] {
                let _ = write!(
                    sql,
                    "INSERT INTO easemob_admin.budget_worker \
                     SELECT id, '{worker}{number}', '{run}', {weight}, {now} - {ago}, 0 FROM easemob_admin.budget;"
                );
            }
        }
        self.database.run(&sql);
    }

    /// Returns the row, and the time of the last reservation.
    fn row(&self) -> (Row, i64, f64) {
        let read = "SELECT concat_ws(' ', rate, tat_us, slow_until_us, factor, factor_us, server_us, used_us, \
                    (SELECT credit FROM easemob_admin.budget_worker WHERE worker LIKE 'process %')) FROM easemob_admin.budget";
        let text = self.database.run(read).concat();
        let fields: Vec<&str> = text.split(' ').collect();
        let number = |index: usize| fields[index].parse::<i64>().unwrap();
        let row = Row {
            rate: fields[0].parse().unwrap(),
            tat: number(1),
            slow_until: number(2),
            factor: fields[3].parse().unwrap(),
            factor_at: number(4),
            server: number(5),
        };
        (row, number(6), fields[7].parse().unwrap())
    }
}

/// A row as it may be found, with times from now.
fn any_row(random: &mut Rng, server: i64) -> Row {
    let signed = |random: &mut Rng, most: i64| random.i64(-most..most);
    Row {
        rate: [1, 7, 100, 1000, 50_000, 1_000_000][random.usize(..6)],
        tat: match random.u8(..4) {
            0 => signed(random, 10_000_000_000),
            1 => signed(random, 3_000_000),
            _ => signed(random, 120_000),
        },
        slow_until: if random.u8(..4) == 0 {
            signed(random, 2_000_000_000)
        } else {
            -1
        },
        factor: if random.bool() { 1.0 } else { random.f64() },
        factor_at: signed(random, 4_000_000),
        server: if random.u8(..5) == 0 { server - 1 } else { server },
    }
}

#[test]
fn slots_are_reserved_by_the_same_rules() {
    let Some(compared) = Compared::open() else { return };
    let mut random = Rng::with_seed(1);
    let mut given = [0, 0];
    for case in 0..150 {
        let others: Vec<(&str, i32)> = (0..random.usize(..4))
            .map(|_| (["a", "b", "c"][random.usize(..3)], [1, 4, 16][random.usize(..3)]))
            .collect();
        let credit = if random.bool() { 0.0 } else { random.f64() };
        compared.set(any_row(&mut random, compared.server), credit, &others);
        let (mut row, _, mut owed) = compared.row();
        let lane = if random.u8(..3) == 0 {
            Lane::Interactive
        } else {
            Lane::Bulk
        };
        let wish = Wish {
            slots: random.u32(1..2_000),
            lane,
        };
        let way = super::lock(&compared.schedule.shared.difference).round_trip() / 2;
        let answer = compared.ask(wish);
        let (after, now, credit) = compared.row();
        let ask = Ask {
            slots: i64::from(wish.slots),
            bulk: lane == Lane::Bulk,
            way: micros(way),
            part: part(("of one's own", 4), &others),
            server: compared.server,
        };
        let found = row;
        let expected = row.reserve(ask, &mut owed, now);
        let context =
            format!("case {case}: {found:?} {wish:?} {others:?} at {now}: {answer:?}, {expected:?}");
        // A part of the rate is computed in another order, and may be rounded to another number.
        let (near, slots) = if found.factor < 1.0 {
            (2 + row.tat.abs_diff(now) / 100_000, 1)
        } else {
            (1, 0)
        };
        match (&answer, expected) {
            (Answer::Reserved(slots_given), Given::Slots { first, every, count }) => {
                given[0] += 1;
                assert_eq!(micros(slots_given.first), first, "{context}");
                assert!(count.abs_diff(i64::from(slots_given.count)) <= slots, "{context}");
                assert!(
                    (slots_given.every.as_secs_f64() * 1e6 - every).abs() < 1.0 + every * 1e-6,
                    "{context}"
                );
                let one = slots_given.every.as_micros();
                assert!(
                    u128::from(after.tat.abs_diff(row.tat)) <= u128::from(near) + u128::from(slots) * one,
                    "{context}"
                );
            }
            (Answer::Later(at), Given::Later(expected)) => {
                given[1] += 1;
                assert_eq!(micros(*at), expected, "{context}");
                assert_eq!(after.tat, row.tat, "{context}");
            }
            _ => panic!("{context}"),
        }
        assert!(
            slots > 0 || (credit - owed).abs() < 1e-6 || lane == Lane::Interactive,
            "{credit} {owed} {context}"
        );
        assert_eq!(
            (after.server, after.slow_until),
            (row.server, row.slow_until),
            "{context}"
        );
    }
    assert!(given[0] > 40 && given[1] > 15, "{given:?}");
}

#[test]
fn a_pause_is_noted_by_the_same_rules() {
    let Some(compared) = Compared::open() else { return };
    let mut random = Rng::with_seed(2);
    for case in 0..50 {
        compared.set(any_row(&mut random, compared.server), 0.0, &[]);
        let (before, _, _) = compared.row();
        let pause = random.u64(1..900_000_000);
        let (schedule, values) = (compared.schedule.clone(), i64::try_from(pause).unwrap());
        let calling = compared.schedule.shared.sessions.database().calling();
        let noted = calling.wait(async move { schedule.note_limit(Duration::from_micros(pause)).await });
        noted.unwrap();
        let (after, _, _) = compared.row();
        // The time of the statement, as the pause shows it; or else the one that the part of the rate shows.
        let now = if after.factor_at == before.factor_at {
            after.slow_until - values
        } else {
            after.factor_at
        };
        let mut row = before;
        row.limited(values, now);
        let context = format!("case {case}: {before:?} at {now}: {after:?}, {row:?}");
        assert!((after.factor - row.factor).abs() < 1e-9, "{context}");
        assert_eq!(
            (after.factor_at, after.slow_until),
            (row.factor_at, row.slow_until),
            "{context}"
        );
    }
}

#[test]
fn unused_slots_are_given_back_unless_somebody_reserved_after_them() {
    let Some(compared) = Compared::open() else { return };
    let wish = Wish {
        slots: 5,
        lane: Lane::Interactive,
    };
    let reserved = |answer| match answer {
        Answer::Reserved(slots) => slots,
        other => panic!("{other:?}"),
    };
    let (first, second) = (reserved(compared.ask(wish)), reserved(compared.ask(wish)));
    assert_eq!((first.count, second.first), (5, first.end));
    let back = |slots| {
        let schedule = compared.schedule.clone();
        let calling = compared.schedule.shared.sessions.database().calling();
        calling
            .wait(async move { schedule.take_back(slots).await })
            .unwrap();
        compared.row().0.tat
    };
    assert_eq!(back(first), micros(second.end), "the second ones come after them");
    let rest = easemob_admin_api::transport::limit::schedule::Slots {
        first: second.first + second.every * 3,
        count: 2,
        ..second
    };
    assert_eq!(back(rest), micros(rest.first));
    assert_eq!(
        compared
            .database
            .run("SELECT given::text FROM easemob_admin.budget"),
        ["9"]
    );
}
