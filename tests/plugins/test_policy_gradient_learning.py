"""What the agents learn from: their gradients against naive ones, ends against cuts, numbers that are none."""

from collections import Counter

import numpy as np
import pytest
import torch

from arena.errors import ArenaError
from arena.testing import Trial, chain_values, registered
from arena_deep.actor_critic import ActorCritic
from arena_deep.objectives import clipped_surrogate, standardize
from arena_deep.ppo import PPO
from arena_deep.reinforce import REINFORCE

CHAIN = "arena.testing.chain:two_states"


def trial(agent, env, name, **settings):
    options = settings.pop("agent_options", {})
    return Trial(name, env, agent_options={"hidden_sizes": (8,), **options}, **settings)


def caught(agent, monkeypatch):
    """The gradients that an agent descends along, as they come, in place of descending."""
    found = []

    def keep(loss):
        agent._vector.grad.zero_()
        loss.backward()
        found.append(agent._vector.grad.clone())
        return agent._vector.grad.norm()

    monkeypatch.setattr(agent, "_gradient_step", keep)
    return found


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope"),
    [
        (1.0, 2.0, -2.0, -2.0),
        (1.1, 2.0, -2.2, -2.2),
        (1.5, 2.0, -2.4, 0.0),  # made more probable by enough
        (0.5, 2.0, -1.0, -1.0),  # a good action made improbable: back, whatever the distance
        (1.5, -2.0, 3.0, 3.0),
        (0.9, -2.0, 1.8, 1.8),
        (0.5, -2.0, 1.6, 0.0),
    ],
)
def test_the_clipped_objective_by_hand(ratio, advantage, loss, slope):
    log_prob = torch.tensor([np.log(ratio)], requires_grad=True)
    found, seen = clipped_surrogate(log_prob, torch.zeros(1), torch.tensor([advantage]), 0.2)
    assert found.item() == pytest.approx(loss, rel=1e-6)
    # d ρ / d log π = ρ.
    assert torch.autograd.grad(found, log_prob)[0].item() == pytest.approx(slope, rel=1e-6)
    assert seen.exp().item() == pytest.approx(ratio, rel=1e-6)


def test_at_the_old_policy_the_objectives_gradient_is_the_policy_gradient():
    log_prob = torch.tensor([-0.3, -1.2, -2.0], requires_grad=True)
    advantage = torch.tensor([1.0, -2.0, 0.5])
    for clip in (None, 0.2):
        loss, _ = clipped_surrogate(log_prob, log_prob.detach(), advantage, clip)
        torch.testing.assert_close(torch.autograd.grad(loss, log_prob)[0], -advantage / 3)


def test_standardised_advantages_also_of_one_step_and_of_equals():
    found = standardize(torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(found, torch.tensor([-1.5, 0.0, 1.5]) / 1.5 * 1.5**0.5)
    assert standardize(torch.tensor([5.0])).tolist() == [0.0]


@pytest.mark.parametrize("memory", [0, 3])
def test_ppo_of_one_pass_is_a2c(memory):
    states = []
    once = {"n_epochs": 1, "num_minibatches": 1, "normalize_advantage": False}
    for agent, more in ((ActorCritic, {}), (PPO, once)):
        options = {"rollout_steps": 10, "memory": memory, **more}
        with (
            registered(agent) as name,
            trial(agent, "CartPole-v1", name, num_envs=3, agent_options=options) as t,
        ):
            states.append(t.train(300).agent.snapshot()["network"])
    for first, second in zip(states[0].values(), states[1].values(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("memory", [0, 4])
def test_the_actor_critics_gradient_is_the_naive_one(env, memory, monkeypatch):
    options = {"rollout_steps": 25, "gae_lambda": 0.7, "discount": 0.9, "memory": memory, "entropy_coef": 0.1}
    with (
        registered(ActorCritic) as name,
        trial(ActorCritic, env, name, num_envs=2, agent_options=options) as t,
    ):
        agent = t.agent
        t.train(50)
        found = caught(agent, monkeypatch)
        clear = agent.rollout.clear
        kept = {}
        monkeypatch.setattr(
            agent.rollout, "clear", lambda: (kept.update(agent.rollout.state_dict()), clear())
        )
        begun = agent._first_memory.copy()
        t.train(100)
        expected = naive_gradient(agent, kept, begun)
    torch.testing.assert_close(found[0], expected, rtol=1e-3, atol=1e-4)


def naive_gradient(agent, rollout, memory):
    """Lane by lane, step by step, with torch alone."""
    config, network = agent.config, agent.network
    length, lanes = rollout["reward"].shape
    terms = []
    for lane in range(lanes):
        now = torch.from_numpy(memory[lane : lane + 1]) if config.memory else None
        steps = []

        def look(observation, now):
            row = torch.from_numpy(observation[None])
            begin = torch.zeros((1, 1), dtype=torch.bool)
            return network(row, *(() if now is None else (begin, now)))

        for t in range(length):
            numbers, value, after = look(rollout["observation"][t, lane], now)
            done = rollout["terminated"][t, lane] or rollout["truncated"][t, lane]
            following = look(rollout["next_observation"][t, lane], after)[1].detach()
            future = following * float(not rollout["terminated"][t, lane])
            delta = rollout["reward"][t, lane] + config.discount * future - value.detach()
            steps.append((numbers, value, delta, done))
            now = None if after is None else after * float(not done)
        advantage = 0.0
        for t, (numbers, value, delta, done) in reversed(list(enumerate(steps))):
            advantage = delta + config.discount * config.gae_lambda * advantage * float(not done)
            action = torch.from_numpy(rollout["action"][t : t + 1, lane])
            log_prob, entropy = agent.head.log_prob(numbers, action), agent.head.entropy(numbers)
            error = (value - (advantage + value.detach())) ** 2
            terms.append(-advantage * log_prob + config.value_coef * error - config.entropy_coef * entropy)
    agent._vector.grad.zero_()
    torch.cat(terms).mean().backward()
    return agent._vector.grad.clone()


@pytest.mark.parametrize("memory", [0, 4])
@pytest.mark.parametrize("estimator", ["trajectory", "reward-to-go"])
def test_reinforces_gradient_is_that_of_whole_episodes_of_one_policy(memory, estimator, monkeypatch):
    options = {"episodes": 4, "discount": 0.9, "memory": memory, "baseline": "none", "estimator": estimator}
    with (
        registered(REINFORCE) as name,
        trial(REINFORCE, "CartPole-v1", name, num_envs=2, agent_options=options) as t,
    ):
        agent = t.agent
        found = caught(agent, monkeypatch)
        ends = Counter()
        batches = [[]]
        running = [[], []]  # of each lane, or None where an older policy began it
        turn = agent._learn

        def learn():
            turn()
            batches.append([])
            running[:] = [[] if not steps else None for steps in running]

        monkeypatch.setattr(agent, "_learn", learn)
        step = t.stream.step

        def record(action):
            made = step(action)
            for lane in range(2):
                if running[lane] is not None:
                    running[lane].append(
                        (made.observation[lane].copy(), made.action[lane], made.reward[lane])
                    )
                if made.terminated[lane] or made.truncated[lane]:
                    if running[lane]:
                        batches[-1].append((lane, running[lane]))
                        ends[lane] += 1
                    running[lane] = []
            return made

        monkeypatch.setattr(t.stream, "step", record)
        while len(found) < 3:
            t.train(t.progress.steps + 2)
    for batch, gradient in zip(batches, found, strict=False):
        taken = [[steps for lane, steps in batch if lane == which][:2] for which in (0, 1)]
        expected = naive_reinforce(agent, [steps for lane in taken for steps in lane])
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-3)


def naive_reinforce(agent, episodes):
    total = 0.0
    for steps in episodes:
        begin = torch.zeros((len(steps), 1), dtype=torch.bool)
        memory = (begin, torch.zeros((1, 4))) if agent.config.memory else ()
        numbers = agent.network(torch.from_numpy(np.array([o for o, _, _ in steps])), *memory)[0]
        log_prob = agent.head.log_prob(numbers, torch.tensor([int(a) for _, a, _ in steps]))
        rewards = [r for _, _, r in steps]
        to_go = [sum(0.9**k * r for k, r in enumerate(rewards[t:])) for t in range(len(steps))]
        weight = to_go if agent.config.estimator == "reward-to-go" else [to_go[0]] * len(steps)
        total = total - (torch.tensor(weight) * log_prob).sum() / len(episodes)
    agent._vector.grad.zero_()
    total.backward()
    return agent._vector.grad.clone()


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize(
    ("limit", "options"),
    [
        (1, {"advantage": "one-step"}),
        (3, {"advantage": "n-step", "normalize_reward": True}),
        (1, {"advantage": "gae"}),
        (3, {"advantage": "gae", "memory": 4}),
    ],
    ids=str,
)
def test_values_bootstrap_through_truncation_and_not_through_ends(options, ends, limit):
    settings = {"discount": 0.5, "learning_rate": 0.02, "rollout_steps": 8, "hidden_sizes": (), **options}
    env_options = {"ends": ends, "limit": limit}
    with registered(ActorCritic) as name:
        with Trial(name, CHAIN, num_envs=4, agent_options=settings, env_options=env_options) as t:
            t.train(5_000)
            values = t.agent.values(t.stream.observations.encode(np.arange(2)))
    np.testing.assert_allclose(values, chain_values(ends, 0.5), atol=0.05)


def test_a_bonus_is_learned_from_and_no_part_of_a_return():
    with registered(ActorCritic) as name:
        with Trial(name, "CartPole-v1", num_envs=2, agent_options={"rollout_steps": 100, "bonus": 0.5}) as t:
            t.train(150)
            learned, log = t.agent.rollout["reward"], t.stream.take_log()
    assert (learned > 1).all()
    assert learned[0, 0] == pytest.approx(1.5)
    assert log["episode_return"] == log["episode_length"]


def test_minibatches_that_cannot_be_are_refused():
    with registered(PPO) as name, pytest.raises(ArenaError, match="2 sequences cannot be divided into 4"):
        Trial(name, "CartPole-v1", num_envs=2, agent_options={"memory": 4})


@pytest.mark.parametrize(
    "limit", [{"MAX_STEPS": 50}, {"MAX_BYTES": 10_000}], ids=lambda limit: next(iter(limit))
)
def test_reinforce_gives_up_on_episodes_that_do_not_end(limit, monkeypatch):
    monkeypatch.setattr("arena_deep.reinforce.MAX_STEPS", limit.get("MAX_STEPS", 10**6))
    monkeypatch.setattr("arena_deep.reinforce.MAX_BYTES", limit.get("MAX_BYTES", 2**32))
    with registered(REINFORCE) as name:
        with Trial(name, "Pendulum-v1", num_envs=2) as trial:
            with pytest.raises(
                ArenaError,
                match="there are fewer than 4 whole episodes in .* steps of each environment; limit",
            ):
                trial.train(2000)
