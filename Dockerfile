FROM python:3.11-slim-bookworm
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY wsgi.py worker.py ./
COPY chromi chromi
ENV PYTHONUNBUFFERED=1 CHROMI_HOST=0.0.0.0 CHROMI_PORT=8080 CHROMI_INSTANCE=/data
RUN useradd --system --no-create-home chromi && mkdir /data && chown chromi /data
VOLUME /data
EXPOSE 8080
# A volume may come owned by root (Fly's do): hand it over, then be root no longer.
CMD ["sh", "-c", "chown chromi: /data && exec setpriv --reuid=chromi --regid=chromi --clear-groups --no-new-privs --inh-caps=-all python -m chromi up"]
