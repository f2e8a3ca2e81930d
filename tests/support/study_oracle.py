"""The figures of ``results`` by other means: statsmodels, scipy and krippendorff, with pandas around them.

What the kit's own rule is, the number of independent votes that a spread of item means is worth, is said here a
second time; everything else is another library's work.
"""

from __future__ import annotations

import warnings
from itertools import combinations

import krippendorff
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

NAN = float("nan")


def tidy(votes):
    """Real votes that were not skipped, from the side of the arm that comes first."""
    real = votes[(votes["kind"] == "real") & (votes["choice"] != "skip")].copy()
    first = real["arm_left"].astype(str) < real["arm_right"].astype(str)
    real["a"] = real["arm_left"].where(first, real["arm_right"])
    real["b"] = real["arm_right"].where(first, real["arm_left"])
    score = np.where((real["choice"] == "left") == first, 1.0, 0.0)
    real["score"] = np.where(real["choice"] == "tie", 0.5, score)
    real["left_won"] = (real["choice"] == "left").astype(float)
    real["unit"] = real["item"].astype(str)
    real["clip"] = real["unit"] + "/" + real["seed"].astype(str)
    return real


def win_rate(units, wins):
    """Rate, interval and p-value from the wins (0 to 1) of votes on units."""
    _, item, votes = np.unique(units.astype(str), return_inverse=True, return_counts=True)
    count, items = votes[item], len(votes)
    if not items:
        return dict.fromkeys(("win_rate", "low", "high", "p"), NAN)
    rate, spread = np.mean(wins), 0.0
    if items > 1:
        model = sm.WLS(wins, np.ones(len(units)), weights=1 / count)
        fit = model.fit(cov_type="cluster", cov_kwds={"groups": item})
        rate, spread = fit.params[0], items * (items - 1) * fit.bse[0] ** 2
    share = (spread + 0.05) / ((items - 1) * rate * (1 - rate) + 0.05)
    least = (1 / votes).mean()
    effective = items if items < 6 else items / min(1.0, max(share, least))
    alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, items))
    low, high = proportion_confint(rate * effective, effective, alpha=alpha, method="wilson")
    z, _ = proportions_ztest(rate * effective, effective, value=0.5, prop_var=0.5)
    return {"win_rate": rate, "low": low, "high": high, "p": 2 * stats.t.sf(abs(z), items)}


def majorities(pair):
    above = (pair["score"] - 0.5).groupby(pair["unit"]).sum()
    wins, losses = int((above > 0).sum()), int((above < 0).sum())
    p = stats.binomtest(wins, wins + losses).pvalue if wins + losses else NAN
    return {"sign_wins": wins, "sign_losses": losses, "sign_p": p}


def agreement(pair):
    rows, columns = pd.factorize(pair["rater"])[0], pd.factorize(pair["clip"])[0]
    table = np.full((rows.max(initial=0) + 1, columns.max(initial=0) + 1), NAN)
    table[rows, columns] = pair["score"]
    shared = table[:, (~np.isnan(table)).sum(axis=0) > 1]
    if len(np.unique(shared[~np.isnan(shared)])) < 2:
        return NAN
    return krippendorff.alpha(reliability_data=shared, level_of_measurement="interval")


def bradley_terry(decisive, arms):
    """A GLM with the first arm as reference: parameters, and their covariance by items."""
    design = pd.DataFrame(
        {
            arm: (decisive["arm_left"] == arm).astype(float) - (decisive["arm_right"] == arm)
            for arm in arms[1:]
        }
    )
    design["side"] = 1.0
    groups = pd.factorize(decisive["unit"])[0]
    model = sm.GLM(decisive["left_won"], design, family=sm.families.Binomial())
    return model.fit(tol=1e-10, cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)


def contrast(fit, weights):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own of singular covariances
        test = fit.t_test(np.array(weights))
    low, high = test.conf_int()[0]
    return float(test.effect[0]), low, high, float(test.pvalue)


def figures(votes, arms, *, strengths=True):
    """One dict a criterion and pair, with the columns of ``results`` that these libraries can give."""
    real = tidy(votes)
    rows = []
    for criterion in votes["criterion"].unique():
        some = real[real["criterion"] == criterion]
        decisive = some[some["score"] != 0.5]
        fit = bradley_terry(decisive, arms) if strengths else None
        for a, b in combinations(arms, 2):
            pair = some[(some["a"] == a) & (some["b"] == b)]
            clear = pair[pair["score"] != 0.5]
            row = {"criterion": criterion, "arm_a": a, "arm_b": b, "units": clear["unit"].nunique()}
            row |= win_rate(clear["unit"].to_numpy(), clear["score"].to_numpy()) | majorities(clear)
            half = win_rate(pair["unit"].to_numpy(), pair["score"].to_numpy())
            row |= {f"half_{name}": value for name, value in half.items()}
            means = clear.groupby("unit")["score"].mean()
            if len(means) > 1:
                without = (means.sum() - means) / (len(means) - 1)
                row |= {"unit_out_low": without.min(), "unit_out_high": without.max()}
            row["agreement"] = agreement(pair)
            if fit is not None:
                weights = [float(arm == a) - float(arm == b) for arm in arms[1:]]
                names = ("side_bias", "side_low", "side_high", "side_p")
                row |= dict(zip(names, contrast(fit, [*(0.0 for _ in weights), 1.0]), strict=True))
                logit, low, high, p = contrast(fit, [*weights, 0.0])
                row |= {"bt_win_rate": 1 / (1 + np.exp(-logit)), "bt_p": p}
                row |= {"bt_low": 1 / (1 + np.exp(-low)), "bt_high": 1 / (1 + np.exp(-high))}
            rows.append(row)
    p = np.array([row["p"] for row in rows])
    known = ~np.isnan(p)
    adjusted = p.copy()
    if known.sum() > 1:
        adjusted[known] = multipletests(p[known], method="holm")[1]
    for row, value in zip(rows, adjusted, strict=True):
        row["p_adjusted"] = value
    return rows
