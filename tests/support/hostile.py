"""Texts of people and servers that a careless page would run, swallow, break up or typeset."""

from __future__ import annotations

TEXTS = {
    "markup": '<img src=x onerror="window.hurt = true"><script>window.hurt = true</script> &lt;b&gt; </textarea>\'"'
    r" $x^2$ \(y\) $$z$$ \begin{matrix}z\end{matrix} for $5 & $6",
    "long": "".join(f"{n:05}" for n in range(2_000)),
    "scripts": "שלום ثعلب 🦊 👩‍👩‍👧 🏳️‍🌈 e\u0301 \u202eabc 12",
    "newlines": "one\n\n\ttwo\n  three",
}

# what must stay false: something ran, or became an element that could
HURT = """() => window.hurt === true || document.querySelectorAll('[onerror], [src="x"]').length > 0
  || [...document.scripts].some(script => script.textContent.includes('window.hurt'))"""
