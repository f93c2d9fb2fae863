//! Routing: worst frames decide, audits are drawn, thresholds run, and all of it goes on after a restart.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_draft::{
    Block, Decision, Draws, Order, Pool, Reason, Router, RouterConfig, Threshold,
};

fn block<'a>(id: &'a str, order: Order, frames: &'a [f64]) -> Block<'a> {
    Block { id, order, frames }
}

fn decide(pool: Pool, frames: &[f64]) -> Decision {
    let mut router = Router::new(RouterConfig {
        pool,
        threshold: Threshold::Fixed { tau: 0.5 },
        audit_share: 0.0,
        seed: 0,
    });
    router
        .route(&block("a", Order::Independent, frames))
        .decision
}

#[test]
fn the_pool_decides() {
    let mixed = [0.9, 0.2, 0.95];
    let sent = Decision::Send(Reason::Score);
    assert_eq!(decide(Pool::Worst, &mixed), sent);
    assert_eq!(decide(Pool::Mean, &mixed), Decision::Accept);
    assert_eq!(decide(Pool::Worst, &[0.9, 0.5]), Decision::Accept);
    assert_eq!(decide(Pool::Never, &[0.0]), Decision::Accept);
    assert_eq!(decide(Pool::Always, &[1.0]), sent);
    for pool in [Pool::Worst, Pool::Mean, Pool::Random] {
        assert_eq!(decide(pool, &[]), sent, "{pool:?}");
    }
    assert_eq!(decide(Pool::Worst, &[0.9, f64::NAN]), sent);
    assert_eq!(decide(Pool::Mean, &[0.9, f64::NAN]), sent);
}

#[test]
fn the_first_of_a_chain_is_sent_and_its_others_are_not_audited() {
    let mut router = Router::new(RouterConfig {
        audit_share: 1.0,
        ..RouterConfig::default()
    });
    let decision = |router: &mut Router, order| router.route(&block("b", order, &[1.0])).decision;
    assert_eq!(
        decision(&mut router, Order::First),
        Decision::Send(Reason::First)
    );
    assert_eq!(decision(&mut router, Order::Continues), Decision::Accept);
    assert_eq!(
        decision(&mut router, Order::Independent),
        Decision::Send(Reason::Audit)
    );
}

#[test]
fn audits_are_drawn_by_the_id_and_are_as_many_as_asked() {
    let config = RouterConfig {
        audit_share: 0.01,
        ..RouterConfig::default()
    };
    let audits = |seed| -> Vec<usize> {
        let mut router = Router::new(RouterConfig { seed, ..config });
        let is_audited = |at: &usize| {
            let id = format!("vehicle-7/{at}");
            router
                .route(&block(&id, Order::Independent, &[1.0]))
                .decision
                != Decision::Accept
        };
        (0..20_000).filter(is_audited).collect()
    };
    let drawn = audits(1);
    assert!((150..250).contains(&drawn.len()), "{}", drawn.len());
    assert_eq!(drawn, audits(1));
    assert_ne!(drawn, audits(2));
}

#[test]
fn a_wanted_share_is_accepted_though_scores_move() {
    for rate in [0.0, 0.3, 0.7, 1.0] {
        let mut router = Router::new(RouterConfig {
            threshold: Threshold::AcceptRate { rate, tau: 0.5 },
            audit_share: 0.0,
            ..RouterConfig::default()
        });
        let mut draws = Draws::new(3);
        let mut accepted = 0;
        for at in 0..4000 {
            // Scores get worse over the drive.
            let score = draws.unit() * (1.0 - f64::from(at) / 8000.0);
            let id = at.to_string();
            let routed = router.route(&block(&id, Order::Independent, &[score]));
            if at >= 300 {
                accepted += u32::from(routed.decision == Decision::Accept);
            }
        }
        let share = f64::from(accepted) / 3700.0;
        assert!((share - rate).abs() < 0.05, "{rate}: {share}");
    }
}

#[test]
fn after_a_restart_it_goes_on_as_if_nothing_had_been() {
    let config = RouterConfig {
        threshold: Threshold::AcceptRate {
            rate: 0.4,
            tau: 0.5,
        },
        audit_share: 0.2,
        ..RouterConfig::default()
    };
    let mut draws = Draws::new(5);
    let (mut straight, mut stopped) = (Router::new(config), Router::new(config));
    for at in 0..600 {
        let (id, score) = (at.to_string(), draws.unit());
        let frames = [score];
        let block = block(&id, Order::Independent, &frames);
        let routed = straight.route(&block);
        assert_eq!(stopped.route(&block), routed);
        let agreed = draws.unit() < 0.5;
        straight.learn(&routed, agreed);
        stopped.learn(&routed, agreed);
        if at % 97 == 0 {
            let written = serde_json::to_string(&stopped).unwrap();
            stopped = serde_json::from_str(&written).unwrap();
        }
    }
    assert_eq!(stopped, straight);
    assert!(straight.drift().audits() > 20);
}

#[test]
fn drift_is_seen_by_audits_and_chance_is_not() {
    for (honest, expected) in [(true, false), (false, true)] {
        let mut router = Router::new(RouterConfig {
            threshold: Threshold::Fixed { tau: 0.6 },
            audit_share: 0.05,
            ..RouterConfig::default()
        });
        let mut draws = Draws::new(9);
        for at in 0..8000 {
            let (id, score) = (at.to_string(), draws.unit());
            let routed = router.route(&block(&id, Order::Independent, &[score]));
            // Scores hold, or they promise too much.
            let p = if honest { score } else { score * 0.6 };
            router.learn(&routed, draws.unit() < p);
        }
        let drift = router.drift();
        let deviations = drift.deviations().unwrap();
        assert_eq!(deviations < -3.0, expected, "{deviations:.1}");
        assert!((drift.foretold().unwrap() - 0.8).abs() < 0.1);
        assert_eq!(drift.agreement().unwrap() < 0.65, expected);
    }
}
