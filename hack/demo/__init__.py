"""The demo: a real cluster, a good release that is promoted and a bad one that is rolled back, under live traffic."""
