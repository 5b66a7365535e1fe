"""How people sign in with a browser, and what is asked of requests that a cookie proves."""
