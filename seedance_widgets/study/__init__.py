"""Prompt studies: which of several arms people prefer, judged blind, and how sure one may be of it.

Words used throughout: an *arm* is what is compared (a prompt template, a model, a setting); an *item* is a
subject that every arm is made of; a *clip* is one arm's video of one item and seed; a *vote* is one rater's
choice between two clips of the same item and seed. Votes on one item are alike, so the item is what is
counted as independent, and not the vote; a study without items counts its seeds instead.

`Study` in ``study`` is what people hold.

- ``making``: ``design`` makes clips of arms, items and seeds, ``stored_definition`` tells whether a study is
  the same as before, ``sizing`` what it will cost, ``power`` how many pairs it takes; ``running`` makes what
  is missing, ``clip_states`` and ``progress`` say what became of each clip, ``arm_outcomes`` what failed and
  what it cost.
- ``judging``: ``trials`` draws what a rater is shown, ``voting`` takes blind votes, ``vote_arrays`` reads the
  table of votes, ``agreement`` looks at raters, ``rater_model`` votes as a person would, with a truth that is
  known.
- ``results``: ``unblinding`` joins votes to their arms once that is allowed, ``win_rates`` turns wins by item
  into a rate with an interval and a p-value, ``bradley_terry`` ranks three and more arms, ``pair_results``
  puts it all in tables, ``results`` is what people see of these.
- ``report`` writes it all up; ``headline`` and ``formatting`` say figures as people do.
"""
