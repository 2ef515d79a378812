import pytest

from arena.errors import ArenaError
from arena.plugins.registry import PluginInfo, Registry
from arena.plugins.specs import TrackerSpec

CSV, TENSORBOARD = TrackerSpec("csv", "Rows"), TrackerSpec("tensorboard", "Events")


@pytest.fixture
def registry():
    return Registry("tracker", [(TENSORBOARD, "theirs"), (CSV, "mine")])


def test_it_is_a_sorted_mapping_that_knows_providers(registry):
    assert list(registry) == ["csv", "tensorboard"]
    assert list(registry.values()) == [CSV, TENSORBOARD]
    assert len(registry) == 2
    assert registry["csv"] is CSV
    assert registry.provider("csv") == "mine"
    assert "csv" in registry
    assert "cvs" not in registry
    assert registry.get("csv") is CSV
    assert registry.get("cvs") is None
    assert repr(registry) == "Registry('tracker': csv, tensorboard)"


@pytest.mark.parametrize("look_up", [lambda r: r["tensorbord"], lambda r: r.provider("tensorbord")])
def test_an_unknown_name_has_the_nearest_one_in_its_error(registry, look_up):
    with pytest.raises(ArenaError, match="no tracker is called 'tensorbord'; did you mean 'tensorboard'"):
        look_up(registry)


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="two entries for tracker 'csv'"):
        Registry("tracker", [(CSV, "mine"), (CSV, "theirs")])


def test_built_in_first_then_by_distribution_then_in_memory():
    infos = [
        PluginInfo("a"),
        PluginInfo("c", "zoo", "1"),
        PluginInfo("b", "Arena_RL", "1"),
        PluginInfo("a", "farm", "1"),
    ]
    assert [str(i) for i in sorted(infos, key=lambda i: i.rank)] == [
        "b (Arena_RL 1)",
        "a (farm 1)",
        "c (zoo 1)",
        "a (in memory)",
    ]
