"""Time in a show: it passes by the speed, stops, goes back exactly, and brings one episode after another."""

import math
import random

import pytest
from planted_worlds import player_of, shown_of

from arena.errors import ArenaError
from arena_viewer.playback import HOLD, MOST_STEPS, SPEEDS, Show, nearest_speed


def show_of(*lengths, speed=8.0, budget=None, **options):
    return Show([player_of(length, budget=budget) for length in lengths or (10,)], speed=speed, **options)


def finish(show):
    """Plays to the episode's end."""
    show.go_to(show.episode)
    while not show.over:
        show.tick(0.1)


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
    show, passed = show_of(10**6, speed=speed), 0.0
    for seconds in (1 / 60, 0.01, 0.05, 0.0, 1 / 30, 0.0333):
        assert show.tick(seconds) is False
        passed += seconds
        assert show.position == pytest.approx(passed * speed)
        assert show.newest == math.ceil(show.position), "not a step more than is seen is played"


@pytest.mark.parametrize(("patience", "steps"), [(None, 3000), (math.inf, MOST_STEPS), (0.0, 1), (-1.0, 1)])
def test_a_window_stays_prompt_and_a_film_leaves_nothing_out(patience, steps):
    show = show_of(10**6, speed=1000.0)
    show.patience = patience
    show.tick(3.0)
    assert show.position == show.newest == steps
    show.forward()
    assert show.position == show.newest == steps + 1


def test_a_paused_show_stands_still():
    show = show_of()
    show.tick(0.3)
    position = show.position
    show.pause()
    for _ in range(50):
        assert show.tick(1.0) is False
    assert show.position == position and show.paused
    show.pause()
    show.tick(0.125)
    assert show.position == pytest.approx(position + 1)


def test_the_end_stays_for_a_while_and_then_the_next_episode_begins():
    show = show_of(3, speed=1.0)
    assert not any(show.tick(0.5) for _ in range(6))
    assert show.over and show.ended and show.longest == 3
    assert not show.tick(HOLD / 2) and show.position == 3
    assert show.tick(HOLD / 2 + 1e-6) is True
    assert (show.episode, show.position, show.newest, show.over) == (1, 0, 0, False)
    assert show.longest == 3, "the timeline keeps its length"
    finish(show)
    assert not show.tick(HOLD / 2), "the end is held anew"


def test_looking_at_the_end_again_holds_it_anew():
    show = show_of(3)
    finish(show)
    show.tick(HOLD * 0.9)
    show.back()
    show.seek(show.newest)
    show.pause()
    assert show.over and show.tick(HOLD * 0.9) is False


def test_several_players_wait_for_each_other():
    show = show_of(2, 7, 4, speed=1.0)
    for seconds in range(1, 8):
        assert not show.over
        show.tick(1.0)
        assert [player.now.step for player in show.players] == [min(seconds, n) for n in (2, 7, 4)]
        assert [show.seen(player)[0].step for player in show.players] == [min(seconds, n) for n in (2, 7, 4)]
    assert show.over and show.longest == 7
    assert show.tick(HOLD + 1) and [player.episode for player in show.players] == [1, 1, 1]


# Steps by hand


def test_forward_and_back_go_to_whole_steps_exactly():
    generator = random.Random(0)
    for _ in range(300):
        show = show_of(9)
        show.position = generator.uniform(0, 8) * generator.choice([1, 1e-3, 1e-9])
        show._go(0.0)
        place = show.position
        show.forward()
        assert show.position == math.floor(place) + 1 and show.paused
        show.forward()
        assert show.position == min(math.floor(place) + 2, 9)
        show.seek(place)
        show.back()
        assert show.position == max(math.ceil(place) - 1, 0)


def test_back_to_the_beginning_and_forward_to_the_end():
    show = show_of(5)
    show.tick(0.45)
    places = []
    for _ in range(6):
        show.back()
        places.append(show.position)
    assert places == [3, 2, 1, 0, 0, 0]
    for _ in range(8):
        show.forward()
        places.append(show.position)
    assert places[6:] == [1, 2, 3, 4, 5, 5, 5, 5]
    assert show.newest == 5 and show.over, "looking back plays nothing twice"
    assert [moment.step for moment in show.players[0].moments] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("step", [-math.inf, -1, 0, 3, 2.5, 4, 4.1, 99, math.inf])
def test_one_can_go_to_what_has_been_played_only(step):
    show = show_of(10)
    show.tick(0.5)
    show.seek(step)
    assert show.position == min(max(step, 0), 4) and show.paused and show.newest == 4


def test_one_cannot_go_back_to_what_was_dropped():
    show = show_of(100, budget=20_000)
    while not show.over:
        show.forward()
    first = show.players[0].first
    assert 0 < first == show.first < 100
    show.seek(0)
    assert show.position == first
    moment, before, share = show.seen(show.players[0])
    assert (moment.step, before, share) == (first, None, 1.0)
    show.back()
    assert show.position == first
    show.position -= 0.5  # as where others keep more
    assert show.seen(show.players[0]) == (moment, None, 1.0)


# What is seen


def test_between_two_steps_both_are_seen():
    show = show_of(10)
    player = show.players[0]
    moment, before, share = show.seen(player)
    assert (moment.step, before, share) == (0, None, 1.0)
    show.tick(0.25)
    assert (show.position, show.seen(player)[0].step, show.seen(player)[1]) == (2.0, 2, None)
    for seconds, expected in ((0.03125, 0.25), (0.0625, 0.75)):
        show.tick(seconds)
        moment, before, share = show.seen(player)
        assert (moment.step, before.step, share) == (3, 2, expected)


def test_who_ended_before_is_seen_at_the_end():
    show = show_of(2, 9)
    show.tick(0.3)
    moment, before, share = show.seen(show.players[0])
    assert (moment.step, moment.ended, before, share) == (2, "terminated", None, 1.0)
    moment, before, share = show.seen(show.players[1])
    assert (moment.step, before.step) == (3, 2) and share == pytest.approx(0.4)


def test_what_was_dropped_while_it_is_looked_at_gives_way_to_the_oldest():
    show = show_of(100, budget=1)
    show.tick(1.0)
    show.seek(0)
    assert show.seen(show.players[0])[0].step == show.first == 7
    show.position = 2.5  # as where others keep more
    moment, before, share = show.seen(show.players[0])
    assert (moment.step, before, share) == (7, None, 1.0)


# Speeds


def test_speeds_have_bounds():
    show = show_of()
    seen = []
    for _ in range(len(SPEEDS)):
        show.faster(1)
        seen.append(show.speed)
    assert seen[-1] == max(SPEEDS) and seen == sorted(seen)
    for _ in range(2 * len(SPEEDS)):
        show.faster(-1)
    assert show.speed == min(SPEEDS) and show.notice == "0.5 steps a second"


def test_the_nearest_speed_is_by_proportion():
    assert [nearest_speed(speed) for speed in SPEEDS] == list(SPEEDS)
    assert [nearest_speed(speed) for speed in (1e-9, 5.6, 5.7, 50, 1e9)] == [0.5, 4, 8, 60, 1000]
    for speed in (0, -1, math.inf, math.nan):
        with pytest.raises(ArenaError, match="give a number of steps a second"):
            nearest_speed(speed)


# Episodes and agents


def test_episodes_are_gone_to_by_number_and_none_is_before_the_first():
    show = show_of(5, 6)
    show.tick(0.3)
    for episode, expected in ((3, 3), (0, 0), (-1, 0)):
        show.go_to(episode)
        assert [player.episode for player in show.players] == [expected] * 2
        assert show.position == show.newest == 0


def test_a_later_agent_plays_the_same_episode():
    points = Agents(100, 2000, 30_000)
    show = show_of(checkpoints=points)
    show.go_to(4)
    show.tick(0.5)
    assert show.status == "after 100 steps"
    show.checkpoint(1)
    assert (points.gone, show.episode, show.position, show.status) == ([1], 4, 0, "after 2,000 steps")
    show.checkpoint(1)
    show.tick(0.5)
    show.checkpoint(1)
    assert points.gone == [1, 2] and show.notice == "that is the last checkpoint" and show.position == 4
    for _ in range(3):
        show.checkpoint(-1)
    assert points.gone == [1, 2, 1, 0] and show.notice == "that is the first checkpoint"


@pytest.mark.parametrize("points", [None, Agents()])
def test_without_checkpoints_it_says_so(points):
    show = show_of(checkpoints=points)
    show.checkpoint(1)
    assert show.notice == "there are no checkpoints to choose from" and show.status == ""


def test_a_lapse_plays_an_episode_by_every_agent_and_then_the_next_one():
    points = Agents(1, 2, 3)
    show = show_of(2, checkpoints=points, lapse=True)
    seen = []
    for _ in range(7):
        seen.append((show.episode, points.place))
        finish(show)
        assert show.tick(HOLD + 1)
    assert seen == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)]


def test_whoever_follows_a_run_is_asked_at_every_tick_and_takes_over_between_episodes():
    class Follows:
        status, calls = "training", ""

        def __getattr__(self, name):
            return lambda: setattr(self, "calls", self.calls + name[0])

    follows = Follows()
    show = show_of(1, following=follows)
    show.tick(0.5)
    show.pause()
    show.tick(0.5)
    show.pause()
    show.tick(HOLD + 1)
    show.close()
    assert follows.calls == "ppprc" and show.status == "training"


# Words and overlays


def test_a_notice_goes_after_its_time():
    show = show_of()
    show.pause()
    show.say("saved", 2.0)
    show.tick(1.5)
    assert show.notice == "saved"
    show.tick(0.6)
    assert show.notice == ""


def test_an_overlay_that_has_nothing_to_draw_stays_off_and_says_why():
    able, unable = shown_of(on=False), shown_of(on=False, name="codes", reason="there is no encoder")
    show = show_of(overlays=[able, unable])
    for overlay in (able, unable):
        show.switch(overlay)
    assert (able.on, unable.on, show.notice) == (True, False, "Codes: there is no encoder")
    show.switch(able)
    assert not able.on
