"""Learning rates and exploration rates that change while a learner learns, compiled.

    constant      x
    linear        x₀ + (x₁ − x₀) · t / T                                up to T, then x₁
    exponential   x₀ · (x₁ / x₀)^(t / T)                                up to T, then x₁
    visits        max(x₁, x₀ / N^p), where N counts the visits to the pair or the state, this one included

t is the number of environment steps that the run has taken over all lanes when the vector step begins, so that
neither a boundary nor a resume changes a value, and a run that is extended goes on where it was.

Source: for visits, Robbins & Monro 1951; Even-Dar & Mansour 2003, "Learning Rates for Q-learning" (p < 1);
Singh, Jaakkola, Littman & Szepesvári 2000 (ε = c / N(s) explores for ever and is greedy in the limit).
"""

from __future__ import annotations

from numba import njit

from arena_tabular.records import EXPONENTIAL, LINEAR, VISITS

__all__ = ["by_visits", "learning_rate_at", "record_error", "refresh", "tick", "value_at", "visits_of"]

#: |δ| is averaged over about this many updates; over all of them while there are fewer.
WINDOW = 1000


@njit(cache=True)
def value_at(schedule, start, final, over, steps):  # type: ignore[no-untyped-def]
    """A scheduled number after `steps` environment steps; its start where it does not follow the steps."""
    if schedule == LINEAR:
        return final if steps >= over else start + (final - start) * (steps / over)
    if schedule == EXPONENTIAL:
        return final if steps >= over else start * (final / start) ** (steps / over)
    return start


@njit(cache=True)
def by_visits(start, final, power, visits):  # type: ignore[no-untyped-def]
    """max(final, start / visits^power); a power of 1 without its cost."""
    return max(final, start / (float(visits) if power == 1.0 else visits**power))


@njit(cache=True)
def visits_of(visits, state):  # type: ignore[no-untyped-def]
    """N(s) = Σ_a N(s, a)."""
    total = 0
    for a in range(visits.shape[1]):
        total += visits[state, a]
    return total


@njit(cache=True)
def tick(rule, steps):  # type: ignore[no-untyped-def]
    """Sets `learning_rate` and `epsilon` to what they are after `steps` steps; call it where `rule.moving`."""
    rule.learning_rate = value_at(
        rule.learning_rate_schedule,
        rule.learning_rate_start,
        rule.learning_rate_final,
        rule.learning_rate_steps,
        steps,
    )
    rule.epsilon = value_at(
        rule.epsilon_schedule, rule.epsilon_start, rule.epsilon_final, rule.epsilon_steps, steps
    )


@njit(cache=True)
def refresh(rules, learners):  # type: ignore[no-untyped-def]
    """`tick`, from Python."""
    tick(rules[0], learners[0].steps)


@njit(cache=True, inline="always")
def learning_rate_at(visits, rule, row, column):  # type: ignore[no-untyped-def]
    """α for an update of a cell; with `VISITS` its visits must have been counted, this one included."""
    learning_rate = rule.learning_rate
    if rule.learning_rate_schedule == VISITS:
        learning_rate = by_visits(
            rule.learning_rate_start, rule.learning_rate_final, rule.learning_rate_power, visits[row, column]
        )
    return learning_rate


@njit(cache=True, inline="always")
def record_error(learner, error):  # type: ignore[no-untyped-def]
    """Counts an update, and takes its δ into the average of |δ|."""
    learner.updates += 1
    weight = 1.0 / learner.updates if learner.updates < WINDOW else 1.0 / WINDOW
    learner.error += weight * (abs(error) - learner.error)
