FROM python:3.11-slim-bookworm
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY wsgi.py worker.py docker-entrypoint.sh ./
COPY chromi chromi
ENV PYTHONUNBUFFERED=1 CHROMI_HOST=0.0.0.0 CHROMI_PORT=8080 CHROMI_INSTANCE=/data
RUN useradd --system --no-create-home chromi && mkdir -m 700 /data && chown chromi /data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["sh", "/app/docker-entrypoint.sh"]
CMD ["python", "-m", "chromi", "serve"]
