CREATE TABLE "job" ("id" VARCHAR(255) NOT NULL PRIMARY KEY, "created_at" REAL NOT NULL, "upload_id" VARCHAR(255), "recipe_json" TEXT NOT NULL, "state" VARCHAR(255) NOT NULL, "step" VARCHAR(255) NOT NULL, "progress" REAL NOT NULL, "message" VARCHAR(255) NOT NULL, "error_code" VARCHAR(255), "error_message" VARCHAR(255), "result_json" TEXT, "worker" VARCHAR(255), "heartbeat_at" REAL, "attempts" INTEGER NOT NULL, "started_at" REAL, "finished_at" REAL, FOREIGN KEY ("upload_id") REFERENCES "upload" ("id") ON DELETE SET NULL);
CREATE TABLE "link" ("id" VARCHAR(255) NOT NULL PRIMARY KEY, "created_at" REAL NOT NULL, "job_id" VARCHAR(255) NOT NULL, "expires_at" REAL NOT NULL, "max_uses" INTEGER, "uses" INTEGER NOT NULL, "delivering" INTEGER NOT NULL, "shared" INTEGER NOT NULL, FOREIGN KEY ("job_id") REFERENCES "job" ("id") ON DELETE CASCADE);
CREATE TABLE "upload" ("id" VARCHAR(255) NOT NULL PRIMARY KEY, "created_at" REAL NOT NULL, "used_at" REAL NOT NULL, "bytes" INTEGER NOT NULL, "info_json" TEXT NOT NULL, "one_shot" INTEGER NOT NULL);
CREATE TABLE "worker" ("id" VARCHAR(255) NOT NULL PRIMARY KEY, "created_at" REAL NOT NULL, "seen_at" REAL NOT NULL);
CREATE INDEX "job_state" ON "job" ("state");
CREATE INDEX "job_upload_id" ON "job" ("upload_id");
CREATE INDEX "link_expires_at" ON "link" ("expires_at");
CREATE INDEX "link_job_id" ON "link" ("job_id");
CREATE INDEX "upload_used_at" ON "upload" ("used_at");
