"""HTTP: one transport, the Chronoverse client, live streams, decoding.

Nothing is imported here, so that asking for one part costs that part alone.
"""
