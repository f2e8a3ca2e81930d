"""Prompt studies: which of several arms people prefer, judged blind, and how sure one may be of it.

Words used throughout: an *arm* is what is compared (a prompt template, a model, a setting); an *item* is a
subject that every arm is made of; a *clip* is one arm's video of one item and seed; a *vote* is one rater's
choice between two clips of the same item and seed. Votes on one item are alike, so the item is what is
counted as independent, and not the vote; a study without items counts its seeds instead.

`Study` in ``study`` is what people hold. ``design`` makes clips of arms, items and seeds, ``definition``
tells whether a study is the same as before, ``planning`` what it will cost; ``running`` makes what is
missing, and ``fates`` and ``outcome`` say what became of each clip. ``trials`` draws what a rater is shown,
``voting`` takes blind votes, ``opening`` joins them to their arms once that is allowed, ``results`` is what
people see of these, and ``report`` writes it all up; ``answers`` and ``words`` say figures as people do.

The statistics know nothing of a log: ``votes`` reads the table of votes, ``win_rates`` turns wins by item
into a rate with an interval and a p-value, ``bradley_terry`` ranks three and more arms, ``agreement`` looks
at raters, ``spending`` at failures and cost, ``statistics`` puts it all in tables, ``power`` says beforehand
how many pairs it takes, and ``rehearsal`` votes as a person would, with a truth that is known.
"""
