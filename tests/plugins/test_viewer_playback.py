"""Time in a show: it passes by the speed, stops, goes back exactly, and brings one episode after another."""

import math
import random

import pytest
from planted_worlds import player_of, shown_of

from arena.errors import ArenaError
from arena_viewer.playback import HOLD, MOST_STEPS, SPEEDS, Playback, nearest_speed


def playback_of(*lengths, speed=8.0, budget=None, **options):
    return Playback([player_of(length, budget=budget) for length in lengths or (10,)], speed=speed, **options)


def finish(playback):
    """Plays to the episode's end."""
    playback.go_to(playback.episode)
    while not playback.over:
        playback.tick(0.1)


class Agents:
    """Checkpoints of a run: what was gone to."""

    unit = "step"

    def __init__(self, *steps, place=0):
        self.steps, self.place, self.gone = list(steps), place, []

    def go(self, place):
        self.place = place
        self.gone.append(place)


# Time


@pytest.mark.parametrize("speed", SPEEDS)
def test_time_passes_in_steps_by_the_speed(speed):
    playback, passed = playback_of(10**6, speed=speed), 0.0
    for seconds in (1 / 60, 0.01, 0.05, 0.0, 1 / 30, 0.0333):
        assert playback.tick(seconds) is False
        passed += seconds
        assert playback.position == pytest.approx(passed * speed)
        assert playback.newest == math.ceil(playback.position), "not a step more than is seen is played"


@pytest.mark.parametrize(("patience", "steps"), [(None, 3000), (math.inf, MOST_STEPS), (0.0, 1), (-1.0, 1)])
def test_a_window_stays_prompt_and_a_film_leaves_nothing_out(patience, steps):
    playback = playback_of(10**6, speed=1000.0)
    playback.patience = patience
    playback.tick(3.0)
    assert playback.position == playback.newest == steps
    playback.forward()
    assert playback.position == playback.newest == steps + 1


def test_a_paused_show_stands_still():
    playback = playback_of()
    playback.tick(0.3)
    position = playback.position
    playback.pause()
    for _ in range(50):
        assert playback.tick(1.0) is False
    assert playback.position == position and playback.paused
    playback.pause()
    playback.tick(0.125)
    assert playback.position == pytest.approx(position + 1)


def test_the_end_stays_for_a_while_and_then_the_next_episode_begins():
    playback = playback_of(3, speed=1.0)
    assert not any(playback.tick(0.5) for _ in range(6))
    assert playback.over and playback.ended and playback.longest == 3
    assert not playback.tick(HOLD / 2) and playback.position == 3
    assert playback.tick(HOLD / 2 + 1e-6) is True
    assert (playback.episode, playback.position, playback.newest, playback.over) == (1, 0, 0, False)
    assert playback.longest == 3, "the timeline keeps its length"
    finish(playback)
    assert not playback.tick(HOLD / 2), "the end is held anew"


def test_looking_at_the_end_again_holds_it_anew():
    playback = playback_of(3)
    finish(playback)
    playback.tick(HOLD * 0.9)
    playback.back()
    playback.seek(playback.newest)
    playback.pause()
    assert playback.over and playback.tick(HOLD * 0.9) is False


def test_several_players_wait_for_each_other():
    playback = playback_of(2, 7, 4, speed=1.0)
    for seconds in range(1, 8):
        assert not playback.over
        playback.tick(1.0)
        assert [player.now.step for player in playback.players] == [min(seconds, n) for n in (2, 7, 4)]
        assert [playback.seen(player)[0].step for player in playback.players] == [
            min(seconds, n) for n in (2, 7, 4)
        ]
    assert playback.over and playback.longest == 7
    assert playback.tick(HOLD + 1) and [player.episode for player in playback.players] == [1, 1, 1]


# Steps by hand


def test_forward_and_back_go_to_whole_steps_exactly():
    generator = random.Random(0)
    for _ in range(300):
        playback = playback_of(9)
        playback.position = generator.uniform(0, 8) * generator.choice([1, 1e-3, 1e-9])
        playback._go(0.0)
        place = playback.position
        playback.forward()
        assert playback.position == math.floor(place) + 1 and playback.paused
        playback.forward()
        assert playback.position == min(math.floor(place) + 2, 9)
        playback.seek(place)
        playback.back()
        assert playback.position == max(math.ceil(place) - 1, 0)


def test_back_to_the_beginning_and_forward_to_the_end():
    playback = playback_of(5)
    playback.tick(0.45)
    places = []
    for _ in range(6):
        playback.back()
        places.append(playback.position)
    assert places == [3, 2, 1, 0, 0, 0]
    for _ in range(8):
        playback.forward()
        places.append(playback.position)
    assert places[6:] == [1, 2, 3, 4, 5, 5, 5, 5]
    assert playback.newest == 5 and playback.over, "looking back plays nothing twice"
    assert [moment.step for moment in playback.players[0].moments] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("step", [-math.inf, -1, 0, 3, 2.5, 4, 4.1, 99, math.inf])
def test_one_can_go_to_what_has_been_played_only(step):
    playback = playback_of(10)
    playback.tick(0.5)
    playback.seek(step)
    assert playback.position == min(max(step, 0), 4) and playback.paused and playback.newest == 4


def test_one_cannot_go_back_to_what_was_dropped():
    playback = playback_of(100, budget=20_000)
    while not playback.over:
        playback.forward()
    first = playback.players[0].first
    assert 0 < first == playback.first < 100
    playback.seek(0)
    assert playback.position == first
    moment, before, share = playback.seen(playback.players[0])
    assert (moment.step, before, share) == (first, None, 1.0)
    playback.back()
    assert playback.position == first
    playback.position -= 0.5  # as where others keep more
    assert playback.seen(playback.players[0]) == (moment, None, 1.0)


# What is seen


def test_between_two_steps_both_are_seen():
    playback = playback_of(10)
    player = playback.players[0]
    moment, before, share = playback.seen(player)
    assert (moment.step, before, share) == (0, None, 1.0)
    playback.tick(0.25)
    assert (playback.position, playback.seen(player)[0].step, playback.seen(player)[1]) == (2.0, 2, None)
    for seconds, expected in ((0.03125, 0.25), (0.0625, 0.75)):
        playback.tick(seconds)
        moment, before, share = playback.seen(player)
        assert (moment.step, before.step, share) == (3, 2, expected)


def test_who_ended_before_is_seen_at_the_end():
    playback = playback_of(2, 9)
    playback.tick(0.3)
    moment, before, share = playback.seen(playback.players[0])
    assert (moment.step, moment.ended, before, share) == (2, "terminated", None, 1.0)
    moment, before, share = playback.seen(playback.players[1])
    assert (moment.step, before.step) == (3, 2) and share == pytest.approx(0.4)


def test_what_was_dropped_while_it_is_looked_at_gives_way_to_the_oldest():
    playback = playback_of(100, budget=1)
    playback.tick(1.0)
    playback.seek(0)
    assert playback.seen(playback.players[0])[0].step == playback.first == 7
    playback.position = 2.5  # as where others keep more
    moment, before, share = playback.seen(playback.players[0])
    assert (moment.step, before, share) == (7, None, 1.0)


# Speeds


def test_speeds_have_bounds():
    playback = playback_of()
    seen = []
    for _ in range(len(SPEEDS)):
        playback.faster(1)
        seen.append(playback.speed)
    assert seen[-1] == max(SPEEDS) and seen == sorted(seen)
    for _ in range(2 * len(SPEEDS)):
        playback.faster(-1)
    assert playback.speed == min(SPEEDS) and playback.notice == "0.5 steps a second"


def test_the_nearest_speed_is_by_proportion():
    assert [nearest_speed(speed) for speed in SPEEDS] == list(SPEEDS)
    assert [nearest_speed(speed) for speed in (1e-9, 5.6, 5.7, 50, 1e9)] == [0.5, 4, 8, 60, 1000]
    for speed in (0, -1, math.inf, math.nan):
        with pytest.raises(ArenaError, match="give a number of steps a second"):
            nearest_speed(speed)


# Episodes and agents


def test_episodes_are_gone_to_by_number_and_none_is_before_the_first():
    playback = playback_of(5, 6)
    playback.tick(0.3)
    for episode, expected in ((3, 3), (0, 0), (-1, 0)):
        playback.go_to(episode)
        assert [player.episode for player in playback.players] == [expected] * 2
        assert playback.position == playback.newest == 0


def test_a_later_agent_plays_the_same_episode():
    points = Agents(100, 2000, 30_000)
    playback = playback_of(checkpoints=points)
    playback.go_to(4)
    playback.tick(0.5)
    assert playback.status == "after 100 steps"
    playback.checkpoint(1)
    assert (points.gone, playback.episode, playback.position, playback.status) == (
        [1],
        4,
        0,
        "after 2,000 steps",
    )
    playback.checkpoint(1)
    playback.tick(0.5)
    playback.checkpoint(1)
    assert (
        points.gone == [1, 2] and playback.notice == "that is the last checkpoint" and playback.position == 4
    )
    for _ in range(3):
        playback.checkpoint(-1)
    assert points.gone == [1, 2, 1, 0] and playback.notice == "that is the first checkpoint"


@pytest.mark.parametrize("points", [None, Agents()])
def test_without_checkpoints_it_says_so(points):
    playback = playback_of(checkpoints=points)
    playback.checkpoint(1)
    assert playback.notice == "there are no checkpoints to choose from" and playback.status == ""


def test_a_lapse_plays_an_episode_by_every_agent_and_then_the_next_one():
    points = Agents(1, 2, 3)
    playback = playback_of(2, checkpoints=points, lapse=True)
    seen = []
    for _ in range(7):
        seen.append((playback.episode, points.place))
        finish(playback)
        assert playback.tick(HOLD + 1)
    assert seen == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)]


def test_whoever_follows_a_run_is_asked_at_every_tick_and_takes_over_between_episodes():
    class Follows:
        status, calls = "training", ""

        def __getattr__(self, name):
            return lambda: setattr(self, "calls", self.calls + name[0])

    follows = Follows()
    playback = playback_of(1, follower=follows)
    playback.tick(0.5)
    playback.pause()
    playback.tick(0.5)
    playback.pause()
    playback.tick(HOLD + 1)
    playback.close()
    assert follows.calls == "ppprc" and playback.status == "training"


# Words and overlays


def test_a_notice_goes_after_its_time():
    playback = playback_of()
    playback.pause()
    playback.say("saved", 2.0)
    playback.tick(1.5)
    assert playback.notice == "saved"
    playback.tick(0.6)
    assert playback.notice == ""


def test_an_overlay_that_has_nothing_to_draw_stays_off_and_says_why():
    able, unable = shown_of(on=False), shown_of(on=False, name="codes", reason="there is no encoder")
    playback = playback_of(overlays=[able, unable])
    for overlay in (able, unable):
        playback.switch(overlay)
    assert (able.on, unable.on, playback.notice) == (True, False, "Codes: there is no encoder")
    playback.switch(able)
    assert not able.on
