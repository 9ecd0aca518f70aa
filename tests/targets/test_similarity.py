from itertools import permutations

import numpy as np
import pytest

from renderer.targets.similarity import cosine_distances, similarity_order, tour_length


def clusters(classes, features, seed=0):
    """Rows around common directions, in mixed order, as the output weights of a classifier are."""
    generator = np.random.default_rng(seed)
    centers = generator.normal(size=(max(1, classes // 10), features))
    rows = centers[generator.integers(len(centers), size=classes)] + 0.4 * generator.normal(size=(classes, features))
    return rows.astype(np.float32)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("classes", [1, 2, 3, 5, 7])
def test_small_tour_is_nearly_the_shortest(classes, seed):
    weights = np.random.default_rng(seed).normal(size=(classes, 3)).astype(np.float32)
    distances = cosine_distances(weights)
    best = min(tour_length(distances, np.array(order)) for order in permutations(range(classes)))
    order = similarity_order(weights)
    assert sorted(order) == list(range(classes))
    assert tour_length(distances, np.array(order)) <= 1.05 * best


def test_points_on_an_arc_are_walked_along_it():
    places = np.random.default_rng(3).permutation(60)
    angles = places / 60 * np.pi / 2
    order = similarity_order(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    walked = places[order]
    assert walked.tolist() in (list(range(60)), list(range(60))[::-1])


def test_large_tour_is_much_shorter_than_the_order_by_index():
    weights = clusters(300, 32)
    distances = cosine_distances(weights)
    order = similarity_order(weights)
    assert sorted(order) == list(range(300))
    assert tour_length(distances, np.array(order)) < 0.35 * tour_length(distances, np.arange(300))


@pytest.mark.parametrize("seed", range(8))
def test_no_reversed_and_no_moved_stretch_makes_the_tour_shorter(seed):
    distances = cosine_distances(clusters(30, 8, seed))
    order = similarity_order(clusters(30, 8, seed))
    length = tour_length(distances, np.array(order))
    for first in range(30):
        for end in range(first + 1, 31):
            other = order[:first] + order[first:end][::-1] + order[end:]
            assert tour_length(distances, np.array(other)) >= length
        for end in range(first + 1, min(first + 3, 30) + 1):
            stretch, rest = order[first:end], order[:first] + order[end:]
            for place in range(len(rest) + 1):
                for turned in (stretch, stretch[::-1]):
                    other = rest[:place] + turned + rest[place:]
                    assert tour_length(distances, np.array(other)) >= length


def test_tour_is_the_same_each_time_and_for_scaled_rows():
    weights = clusters(80, 16)
    scales = np.random.default_rng(1).uniform(0.5, 2, size=(80, 1))
    assert similarity_order(weights) == similarity_order(weights) == similarity_order(weights * scales)


def test_rows_of_zeros_have_their_place():
    weights = clusters(9, 4)
    weights[[2, 5]] = 0
    assert sorted(similarity_order(weights)) == list(range(9))
