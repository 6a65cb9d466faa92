use proptest::prelude::*;

use super::*;

const COOLDOWN: Duration = Duration::from_secs(30);

fn breaker(failures: u32) -> Breaker {
    Breaker::new(NonZeroU32::new(failures).unwrap(), COOLDOWN)
}

fn fail(breaker: &Breaker, now: Instant) -> Option<Duration> {
    breaker.admit(now).unwrap().failed(now, None)
}

/// Fails until it opens; then the moment at which it is half open.
fn half_open(breaker: &Breaker, now: Instant) -> Instant {
    loop {
        if let Some(wait) = fail(breaker, now) {
            return now + wait;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it_and_a_success_between_does_not() {
    let (breaker, now) = (breaker(3), Instant::now());
    for _ in 0..5 {
        assert_eq!((fail(&breaker, now), fail(&breaker, now)), (None, None));
        assert!(!breaker.admit(now).unwrap().succeeded(now));
    }
    assert_eq!((fail(&breaker, now), fail(&breaker, now)), (None, None));
    let wait = fail(&breaker, now).unwrap();
    assert!((COOLDOWN.mul_f64(0.8)..=COOLDOWN.mul_f64(1.2)).contains(&wait), "{wait:?}");
    assert_eq!(breaker.admit(now).unwrap_err(), Open { retry_in: wait });
    tokio::time::advance(wait / 2).await;
    assert_eq!(breaker.state(Instant::now()), BreakerState::Open { retry_in: wait.saturating_sub(wait / 2) });
    tokio::time::advance(wait).await;
    assert_eq!(breaker.state(Instant::now()), BreakerState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn one_probe_goes_through_and_decides() {
    let breaker = breaker(1);
    let now = half_open(&breaker, Instant::now());
    let probe = breaker.admit(now).unwrap();
    assert_eq!(breaker.admit(now).unwrap_err().retry_in, PROBE_UNDER_WAY);
    drop(probe);
    let probe = breaker.admit(now).expect("a probe that says nothing makes room for the next");
    assert!(probe.succeeded(now));
    assert_eq!(breaker.state(now), BreakerState::Closed);
    assert!(breaker.admit(now).is_ok());
}

#[tokio::test(start_paused = true)]
async fn each_failed_probe_doubles_the_wait_up_to_five_minutes() {
    let breaker = breaker(1);
    let mut now = Instant::now();
    for expected in [30, 60, 120, 240, 300, 300, 300] {
        let wait = fail(&breaker, now).unwrap();
        let expected = Duration::from_secs(expected);
        assert!((expected.mul_f64(0.8)..=expected.mul_f64(1.2)).contains(&wait), "{expected:?}: {wait:?}");
        now += wait;
    }
    assert!(breaker.admit(now).unwrap().succeeded(now));
    assert!(fail(&breaker, now).unwrap() <= COOLDOWN.mul_f64(1.2), "a success begins anew");
}

#[tokio::test(start_paused = true)]
async fn a_cooldown_beyond_five_minutes_is_kept() {
    let hour = Duration::from_secs(3600);
    let breaker = Breaker::new(NonZeroU32::MIN, hour);
    let now = half_open(&breaker, Instant::now());
    let wait = fail(&breaker, now).unwrap();
    assert!((hour.mul_f64(0.8)..=hour.mul_f64(1.2)).contains(&wait), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_time_gets_it_at_the_first_failure() {
    let (breaker, now) = (breaker(5), Instant::now());
    let minute = Duration::from_secs(60);
    let (first, second) = (breaker.admit(now).unwrap(), breaker.admit(now).unwrap());
    assert_eq!(first.failed(now, Some(minute)), Some(minute));
    assert_eq!(breaker.admit(now).unwrap_err().retry_in, minute);
    // A call that was under way already learns of a longer time.
    assert_eq!(second.failed(now, Some(2 * minute)), Some(2 * minute));
    assert_eq!(breaker.admit(now).unwrap_err().retry_in, 2 * minute);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_years_does_not_freeze_a_backend() {
    let (breaker, now) = (breaker(5), Instant::now());
    let error = BackendError::new(ErrorKind::Retryable, "busy").after(Duration::MAX);
    let wait = breaker.admit(now).unwrap().failed(now, error.retry_after()).unwrap();
    assert_eq!(wait, BackendError::LONGEST_RETRY_AFTER);
}

#[tokio::test(start_paused = true)]
async fn a_call_from_before_it_opened_neither_closes_nor_reopens_it() {
    let (breaker, now) = (breaker(1), Instant::now());
    let old = [breaker.admit(now).unwrap(), breaker.admit(now).unwrap()];
    let after = half_open(&breaker, now);
    let [success, failure] = old;
    assert!(!success.succeeded(now));
    assert!(matches!(breaker.state(now), BreakerState::Open { .. }));
    let probe = breaker.admit(after).unwrap();
    assert_eq!(failure.failed(after, None), None);
    assert!(breaker.admit(after).is_err(), "the probe is still the only one");
    assert!(probe.succeeded(after));
}

#[tokio::test(start_paused = true)]
async fn new_limits_leave_the_position_as_it_is() {
    let (breaker, now) = (breaker(1), Instant::now());
    let wait = fail(&breaker, now).unwrap();
    breaker.set_limits(NonZeroU32::new(2).unwrap(), Duration::from_secs(1));
    assert_eq!(breaker.state(now), BreakerState::Open { retry_in: wait });
    let now = now + wait;
    assert!(breaker.admit(now).unwrap().succeeded(now));
    assert_eq!(fail(&breaker, now), None);
    assert!(fail(&breaker, now).unwrap() <= Duration::from_millis(1200));
}

#[test]
fn what_a_backend_says_of_a_record_is_no_failure_of_the_backend() {
    for kind in [ErrorKind::Permanent, ErrorKind::Unsupported, ErrorKind::Cancelled] {
        assert!(!counts_as_failure(kind), "{kind:?}");
    }
    for kind in [ErrorKind::Retryable, ErrorKind::Config, ErrorKind::Panic, ErrorKind::Internal] {
        assert!(counts_as_failure(kind), "{kind:?}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Admit,
    Succeed(usize),
    Fail(usize, Option<u64>),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..200_u64).prop_map(Step::Wait),
        Just(Step::Admit),
        Just(Step::Admit),
        (0..4_usize).prop_map(Step::Succeed),
        (0..4_usize, proptest::option::of(0..400_u64)).prop_map(|(which, after)| Step::Fail(which, after)),
        (0..4_usize).prop_map(Step::Drop),
    ]
}

proptest! {
    /// Whatever calls overlap how: nothing passes while it is open, one call at a time while it is half
    /// open, no `Retry-After` is cut short, and it never stays shut for longer than it may.
    #[test]
    fn calls_that_overlap_never_break_its_promises(steps in proptest::collection::vec(step(), 0..120)) {
        let breaker = breaker(3);
        let mut now = Instant::now();
        let mut permits: Vec<Permit> = Vec::new();
        let mut quiet_until = now;
        for step in steps {
            match step {
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
                Step::Admit => {
                    let before = breaker.state(now);
                    match breaker.admit(now) {
                        Ok(permit) => {
                            prop_assert_ne!(before.as_str(), "open");
                            prop_assert!(now >= quiet_until);
                            permits.push(permit);
                        }
                        Err(open) => {
                            prop_assert_ne!(before, BreakerState::Closed);
                            prop_assert!(open.retry_in <= BackendError::LONGEST_RETRY_AFTER);
                            prop_assert!(!open.retry_in.is_zero());
                        }
                    }
                }
                Step::Succeed(which) if which < permits.len() => {
                    let closed = permits.swap_remove(which).succeeded(now);
                    prop_assert!(!closed || breaker.state(now) == BreakerState::Closed);
                }
                Step::Fail(which, after) if which < permits.len() => {
                    let after = after.map(Duration::from_secs);
                    let opened = permits.swap_remove(which).failed(now, after);
                    quiet_until = quiet_until.max(now + after.unwrap_or_default());
                    if opened.is_some_and(|wait| !wait.is_zero()) {
                        prop_assert_eq!(breaker.state(now).as_str(), "open");
                    }
                }
                Step::Drop(which) if which < permits.len() => drop(permits.swap_remove(which)),
                _ => {}
            }
        }
        // Once every call has ended and the time has passed there is a way back.
        permits.clear();
        now += BackendError::LONGEST_RETRY_AFTER;
        let permit = breaker.admit(now);
        prop_assert!(permit.is_ok());
        permit.unwrap().succeeded(now);
        prop_assert_eq!(breaker.state(now), BreakerState::Closed);
    }

    /// Of the calls that are let through while it is half open, never are two under way.
    #[test]
    fn half_open_means_one_call(others in 1..20_usize) {
        let breaker = breaker(1);
        let now = half_open(&breaker, Instant::now());
        let admitted: Vec<Permit> = (0..others).filter_map(|_| breaker.admit(now).ok()).collect();
        prop_assert_eq!(admitted.len(), 1);
    }
}
